import { expect } from '@jest/globals';
import { guide, guideManager, padded } from './guide-providers.ts';
import { seedTest } from './seed-test.ts';

seedTest('Storing Data', guide.postgresql.told, async () => {
  await using dm = guideManager('postgresql');
  const reference = await dm.store('postgresql', { any: ['serializable', 'data'] }, { metadata: { optional: true } });
  expect(reference.storageType).toBe('postgresql');
  expect(reference.key).toMatch(/^[0-9a-f-]{36}$/);
  expect(reference.metadata).toEqual({ optional: true });
});

seedTest('Retrieving Data', guide.filesystem.told, async () => {
  await using dm = guideManager('filesystem');
  const reference = await dm.store('filesystem', [1, 'two', null]);
  expect(await dm.retrieve(reference)).toEqual([1, 'two', null]);
});

seedTest('Retrieving Data: by key', guide.redis.told, async () => {
  await using dm = guideManager('redis');
  await dm.store('redis', 'value', { key: 'k' });
  expect(await dm.retrieveByKey('redis', 'k')).toBe('value');
  expect(await dm.retrieveByKey('redis', 'other')).toBeUndefined();
});

seedTest('Deleting Data', guide.s3.told, async () => {
  await using dm = guideManager('s3');
  const reference = await dm.store('s3', 'value');
  expect(await dm.delete(reference)).toBe(true);
  expect(await dm.delete(reference)).toBe(false);
});

seedTest('Deleting Data: by key', guide.postgresql.told, async () => {
  await using dm = guideManager('postgresql');
  await dm.store('postgresql', 'value', { key: 'k' });
  expect(await dm.deleteByKey('postgresql', 'k')).toBe(true);
  expect(await dm.deleteByKey('postgresql', 'k')).toBe(false);
});

seedTest('Querying Data', guide.postgresql.told, async () => {
  await using dm = guideManager('postgresql');
  await dm.storeMany(
    'postgresql',
    Array.from({ length: 120 }, (_, n) => ({ key: `row_${String(n).padStart(3, '0')}`, data: { n } })),
  );
  expect(await dm.query('postgresql', {})).toHaveLength(100);
  expect(await dm.query('postgresql', { 'data.n': { $gte: 10, $lt: 20 } }, { limit: 3 })).toEqual([
    { n: 10 },
    { n: 11 },
    { n: 12 },
  ]);
});

seedTest('Searching (Vector Databases)', guide.qdrant.told, async () => {
  await using dm = guideManager('qdrant');
  const angles = [0, 0.2, 0.4, 1.5];
  for (const angle of angles) {
    const data = { angle, vector: padded([Math.cos(angle), Math.sin(angle)]) };
    await dm.store('qdrant', data, { metadata: { steep: angle > 1 } });
  }
  const results = await dm.search<{ angle: number }>('qdrant', padded([1]), {
    limit: 10,
    filter: { 'metadata.steep': false },
  });
  expect(results.map(([data]) => data.angle)).toEqual([0, 0.2, 0.4]);
  for (const [data, similarity] of results) expect(similarity).toBeCloseTo(Math.cos(data.angle), 4);
});
