import { beforeEach, describe, expect, it } from '@jest/globals';
import type { VectorCollection, VectorStore } from '@storage/core';
import { createVectorStore } from '../src/index.ts';
import { capabilities, openContext } from './fake-driver.ts';
import { FakeVectors, vectorCapabilities } from './fake-vectors.ts';

let driver: FakeVectors;
let store: VectorStore;
let points: VectorCollection;

beforeEach(async () => {
  driver = new FakeVectors();
  store = createVectorStore(
    driver,
    await openContext({ capabilities: { ...capabilities, vectors: vectorCapabilities } }),
  );
  await store.createCollection('points', { dimension: 2, metric: 'euclidean' });
  points = store.collection('points');
});

async function fill(count: number): Promise<void> {
  await points.upsert(
    Array.from({ length: count }, (_, index) => ({
      id: `p${String(index).padStart(4, '0')}`,
      vector: [index, 0],
      metadata: { n: index, mod: index % 100 },
    })),
  );
}

describe('collections', () => {
  it('makes one once, and again only if it is the same', async () => {
    await expect(store.createCollection('points', { dimension: 2, metric: 'euclidean' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    await expect(
      store.createCollection('points', { dimension: 3, metric: 'euclidean', ifAbsent: true }),
    ).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(store.createCollection('points', { dimension: 2, ifAbsent: true })).rejects.toMatchObject({
      code: 'invalid_state',
    });
    await fill(3);
    await points.namespace('x').upsert([{ vector: [1, 1] }]);
    expect(await store.createCollection('points', { dimension: 2, metric: 'euclidean', ifAbsent: true })).toEqual({
      name: 'points',
      dimension: 2,
      metric: 'euclidean',
      count: 4,
      fields: {},
      metadata: {},
    });
    expect(await points.count()).toBe(3);
  });

  it('lists by name, gets and deletes', async () => {
    await store.createCollection('a', { dimension: 1, metadata: { of: 'a' } });
    const first = await store.listCollections({ limit: 1 });
    expect(first.items).toMatchObject([{ name: 'a', metric: 'cosine', metadata: { of: 'a' } }]);
    expect((await store.listCollections({ cursor: first.cursor })).items).toMatchObject([{ name: 'points' }]);
    expect(await store.deleteCollection('a')).toBe(true);
    expect(await store.getCollection('a')).toBeUndefined();
    await expect(store.collection('a').count()).rejects.toMatchObject({
      code: 'not_found',
      operation: 'vectors.count',
    });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a name with a slash', () => store.createCollection('a/b', { dimension: 1 }), 'invalid_argument'],
    ['a dimension of 9', () => store.createCollection('a', { dimension: 9 }), 'invalid_argument'],
    [
      'an unknown metric',
      () => store.createCollection('a', { dimension: 1, metric: 'l1' as never }),
      'invalid_argument',
    ],
    [
      'a metric that is not there',
      () => store.createCollection('a', { dimension: 1, metric: 'dot_product' }),
      'unsupported',
    ],
    ['a wrong dimension', () => points.upsert([{ vector: [1, 2, 3] }]), 'invalid_argument'],
    ['NaN', () => points.upsert([{ vector: [1, Number.NaN] }]), 'invalid_argument'],
    ['a number beyond floats', () => points.upsert([{ vector: [1, 1e39] }]), 'invalid_argument'],
    ['a norm out of range', () => points.upsert([{ vector: [1e-30, 0] }]), 'invalid_argument'],
    ['no vector', () => points.search({} as never), 'invalid_argument'],
    ['a limit over the most', () => points.search({ vector: [1, 2], limit: 201 }), 'invalid_argument'],
    [
      'a filter that is none',
      () => points.search({ vector: [1, 2], filter: { a: { $x: 1 } } as never }),
      'invalid_argument',
    ],
    ['an id with NUL', () => points.get(['a\0']), 'invalid_argument'],
    [
      'bytes in metadata',
      () => points.upsert([{ vector: [1, 2], metadata: { b: new Uint8Array(1) as never } }]),
      'invalid_argument',
    ],
  ])('refuses %s', async (_, call, code) => {
    await expect(call()).rejects.toMatchObject({ code, backend: 'fake' });
    expect(driver.spaces.size === 0 || [...driver.spaces.values()].every(({ size }) => size === 0)).toBe(true);
  });

  it('refuses a direction of nothing under cosine', async () => {
    await store.createCollection('c', { dimension: 2 });
    await expect(store.collection('c').search({ vector: [0, 0] })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(points.upsert([{ id: 'o', vector: [0, 0] }])).resolves.toEqual({ count: 1, ids: ['o'] });
  });
});

describe('documents', () => {
  it('come back as they were, in the order of the ids', async () => {
    const stored = await points.upsert([
      { id: 'a', vector: [1, 2], content: 'text', metadata: { at: new Date(0) } },
      { vector: new Float32Array([3, 4]) },
      { id: 'a', vector: [5, 6], createdAt: new Date(5) },
    ]);
    expect(stored).toEqual({ count: 2, ids: ['a', expect.stringMatching(/^[0-9a-f-]{36}$/), 'a'] });
    expect(await points.get(['x', 'a'])).toEqual([
      undefined,
      { id: 'a', vector: [5, 6], metadata: {}, createdAt: new Date(5) },
    ]);
    expect(await points.get(['a'], { includeVectors: false })).toMatchObject([{ id: 'a', vector: [], metadata: {} }]);
    expect(await points.delete(['a', 'a', 'x'])).toBe(1);
  });

  it('are searched until enough match, behind a filter that the engine does not know', async () => {
    await fill(150);
    const found = await points.search({ vector: [0, 0], limit: 2, filter: { mod: 7 } });
    expect(found.map(({ document, score }) => [document.id, score])).toEqual([
      ['p0007', -7],
      ['p0107', -107],
    ]);
    expect(driver.asked).toEqual([2, 100, 200]);
    expect(await points.search({ vector: [0, 0], filter: { mod: 7 }, minScore: -50 })).toHaveLength(1);
    expect(await points.search({ vector: [0, 0], filter: { mod: { $in: [] } } })).toEqual([]);
  });

  it('are never answered short', async () => {
    await fill(250);
    await expect(points.search({ vector: [0, 0], limit: 3, filter: { mod: 99 } })).rejects.toMatchObject({
      code: 'scan_limit',
    });
  });

  it('stand by id where scores are equal', async () => {
    await points.upsert(['c', 'a', 'b'].map((id) => ({ id, vector: [1, 0] })));
    const found = await points.search({ vector: [0, 0] }, { includeVectors: true });
    expect(found.map(({ document }) => document.id)).toEqual(['a', 'b', 'c']);
    expect(found[0]?.document.vector).toEqual([1, 0]);
  });

  it('are counted, iterated and deleted by what matches alone', async () => {
    await fill(450);
    const filter = { mod: { $lt: 2 } };
    expect(await points.count(filter)).toBe(10);
    const ids: string[] = [];
    for await (const { id } of points.iterate({ filter })) ids.push(id);
    expect(ids).toHaveLength(10);
    expect(await points.deleteWhere(filter)).toBe(10);
    expect(await points.count()).toBe(440);
    expect(await points.namespace('x').count()).toBe(0);
    expect(await points.dropNamespace()).toEqual({ deleted: 440 });
  });
});
