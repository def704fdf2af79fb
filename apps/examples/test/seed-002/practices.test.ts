import { setTimeout } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { isStorageError, StorageError } from '@storage/core';
import { defineProvider } from '@storage/core/agents';
import { createRedis } from '@storage/redis';
import { guide, guideManager, toldOn } from './guide-providers.ts';
import { seedTest } from './seed-test.ts';

/** A provider whose server is not there. */
const unreachable = (name: string, message: string) =>
  defineProvider({
    name,
    store: () => undefined,
    retrieve: () => undefined,
    delete: () => false,
    open: () => {
      throw new StorageError({ code: 'unavailable', message });
    },
  });

seedTest('Best Practices: Use Metadata', guide.postgresql.told, async () => {
  await using dm = guideManager('postgresql');
  const result = { score: 5 };
  await dm.store('postgresql', result, {
    metadata: { created_by: 'agent_name', version: '1.0', category: 'user_data', tags: ['important', 'verified'] },
  });
  await dm.store('postgresql', { score: 1 }, { metadata: { tags: ['draft'] } });
  expect(await dm.query('postgresql', { 'metadata.tags': { $contains: 'verified' } })).toEqual([result]);
  expect(await dm.query('postgresql', { 'metadata.created_by': 'agent_name', 'metadata.version': '1.0' })).toEqual([
    result,
  ]);
});

seedTest('Best Practices: Handle Failures Gracefully', guide.filesystem.told, async () => {
  await using dm = guideManager('filesystem');
  dm.registerProvider('postgresql', unreachable('postgresql', 'Could not connect to PostgreSQL'));
  const save = async (data: object) => {
    try {
      return await dm.store('postgresql', data);
    } catch (error) {
      if (!isStorageError(error)) throw error;
      return await dm.store('filesystem', data);
    }
  };
  const ref = await save({ kept: true });
  expect(ref.storageType).toBe('filesystem');
  expect(await dm.retrieve(ref)).toEqual({ kept: true });
});

seedTest('Best Practices: Clean Up Temporary Data', guide.redis.told, async () => {
  await using dm = guideManager('redis');
  await dm.store('redis', { temp: true }, { key: 'temp', metadata: { ttl: 1 } });
  expect(await dm.query('redis', {})).toEqual([{ temp: true }]);
  await setTimeout(1100);
  expect(await dm.query('redis', {})).toEqual([]);
  expect(await dm.existsByKey('redis', 'temp')).toBe(false);
});

seedTest('Best Practices: Version Your Data', guide.s3.told, async () => {
  await using dm = guideManager('s3');
  for (const version of [1, 2]) {
    const modelWeights = new Uint8Array([version, 2, 3]);
    await dm.store('s3', modelWeights, {
      key: `models/v${version}/weights.pkl`,
      metadata: { version, timestamp: new Date() },
    });
  }
  const { items } = await dm.list('s3', { prefix: 'models/' });
  expect(items.map(({ key }) => key)).toEqual(['models/v1/weights.pkl', 'models/v2/weights.pkl']);
  expect((await dm.getRecordByKey('s3', 'models/v2/weights.pkl'))?.metadata).toMatchObject({ version: 2 });
  expect(await dm.retrieveByKey<unknown>('s3', 'models/v2/weights.pkl')).toEqual(new Uint8Array([2, 2, 3]));
});

seedTest('Troubleshooting: Provider Not Available', 'no provider', async () => {
  await using dm = guideManager();
  const error: unknown = await dm.store('postgresql', {}).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(/^StorageError: Provider 'postgresql' not registered/);
  expect(String(error)).toContain('npm install @storage/postgres');
  expect(isStorageError(error, 'not_registered')).toBe(true);
});

seedTest('Troubleshooting: Provider Not Available, solution', guide.postgresql.told, async () => {
  await using dm = guideManager();
  dm.registerProvider('postgresql', guide.postgresql.backend());
  expect((await dm.store('postgresql', {})).storageType).toBe('postgresql');
});

seedTest('Troubleshooting: Connection Errors', 'a port on which nothing listens', async () => {
  await using dm = guideManager();
  dm.registerProvider('redis', createRedis({ host: '127.0.0.1', port: 1 }));
  await expect(dm.store('redis', 1)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
});

seedTest(
  'Troubleshooting: Connection Errors, solution',
  `${guide.postgresql.told}, and a redis that can not be reached`,
  async () => {
    await using dm = guideManager('postgresql');
    dm.registerProvider('redis', unreachable('redis', 'Could not connect to Redis'));
    // What `redis-cli ping` and `psql -h localhost` would tell.
    expect(await dm.health()).toMatchObject({
      postgresql: { status: 'healthy' },
      redis: { status: 'unhealthy', message: 'Could not connect to Redis' },
    });
  },
);

seedTest('Troubleshooting: Serialization Errors', toldOn('postgresql', 'redis'), async () => {
  await using dm = guideManager('postgresql', 'redis');
  for (const provider of ['postgresql', 'redis']) {
    await expect(dm.store(provider, { result: { seen: new Set(['a']) } })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/data\.result\.seen is a Set; convert it to plain objects, arrays and scalars/),
      details: { path: 'data.result.seen' },
    });
  }
});

seedTest('Troubleshooting: Serialization Errors, solution', toldOn('postgresql', 'redis'), async () => {
  await using dm = guideManager('postgresql', 'redis');
  const now = new Date(0);
  for (const provider of ['postgresql', 'redis']) {
    const converted = await dm.store(provider, { timestamp: now.toISOString(), result: [...new Set(['a'])] });
    expect(await dm.retrieve(converted)).toEqual({ timestamp: '1970-01-01T00:00:00.000Z', result: ['a'] });
    // A Date needs no conversion here.
    expect(await dm.retrieve(await dm.store(provider, { timestamp: now }))).toEqual({
      timestamp: '1970-01-01T00:00:00.000Z',
    });
  }
});
