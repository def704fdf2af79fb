import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Embedder, StorageError, type VectorCollection, type VectorStore } from '@storage/core';
import { createVectorStore, inParts, partsOf } from '../src/index.ts';
import { capabilities, openContext } from './fake-driver.ts';
import { FakeVectors, vectorCapabilities } from './fake-vectors.ts';

let store: VectorStore;
let points: VectorCollection;

/** The length of a text and 1. */
const lengths: Embedder = Object.assign(async (texts: readonly string[]) => texts.map((text) => [text.length, 1]), {
  model: 'lengths',
  dimension: 2,
});

beforeEach(async () => {
  const context = await openContext({ capabilities: { ...capabilities, vectors: vectorCapabilities } });
  store = createVectorStore(new FakeVectors(), context);
  await store.createCollection('points', { dimension: 2, metric: 'euclidean', embeddingModel: 'lengths' });
  points = store.collection('points');
});

describe('texts', () => {
  it('are stored and searched by the vectors of their embedder', async () => {
    const documents = ['a', 'bbbb', 'cc'].map((content) => ({ id: content, content }));
    expect(await points.upsertTexts(documents, { embed: lengths })).toEqual({ count: 3, ids: ['a', 'bbbb', 'cc'] });
    const found = await points.searchByText('xxx', { embed: lengths, limit: 2 }, { includeVectors: true });
    expect(found.map(({ document, score }) => [document.id, document.vector, score])).toEqual([
      ['bbbb', [4, 1], -1],
      ['cc', [2, 1], -1],
    ]);
  });

  it.each<[string, unknown, object]>([
    ['of another model', Object.assign(() => [], { model: 'other' }), { code: 'invalid_argument', applied: 'no' }],
    ['of another dimension', Object.assign(() => [], { dimension: 3 }), { code: 'invalid_argument' }],
    ['that is none', 'lengths', { code: 'invalid_argument' }],
    ['that answers too few', async () => [], { code: 'invalid_argument', applied: 'no' }],
    ['that answers no list', async () => undefined, { code: 'invalid_argument' }],
    ['that answers other vectors', async () => [[1, 2, 3]], { code: 'invalid_argument' }],
    ['that answers no numbers', async () => [['x', 1]], { code: 'invalid_argument' }],
    ['that fails', () => Promise.reject(new Error('quota')), { code: 'internal', applied: 'no' }],
    [
      'that fails as one of ours',
      () => Promise.reject(new StorageError({ code: 'rate_limited', message: 'later' })),
      { code: 'rate_limited' },
    ],
  ])('are refused from an embedder %s', async (_what, embed, error) => {
    await expect(points.upsertTexts([{ content: 'a' }], { embed: embed as Embedder })).rejects.toMatchObject(error);
    await expect(points.searchByText('a', { embed: embed as Embedder })).rejects.toMatchObject({
      code: (error as { readonly code: string }).code,
    });
    expect(await points.count()).toBe(0);
  });

  it('end with the call', async () => {
    const never: Embedder = (_texts, options) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('told to stop')));
      });
    await expect(points.searchByText('a', { embed: never }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  it('need a content', async () => {
    await expect(points.upsertTexts([{ id: 'a' } as never], { embed: lengths })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('collections', () => {
  it('remember their model and fields', async () => {
    const made = await store.createCollection('c', {
      dimension: 2,
      embeddingModel: 'm',
      fields: { 'a.b': 'number', at: 'date' },
    });
    expect(made).toMatchObject({ embeddingModel: 'm', fields: { 'a.b': 'number', at: 'date' } });
    await expect(
      store.createCollection('c', { dimension: 2, embeddingModel: 'n', ifAbsent: true }),
    ).rejects.toMatchObject({ code: 'invalid_state', message: expect.stringContaining('vectors of m') });
    await store.createCollection('c', { dimension: 2, ifAbsent: true });
  });

  it('take inner_product for dot_product', async () => {
    await expect(store.createCollection('c', { dimension: 2, metric: 'inner_product' })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('dot_product'),
    });
  });

  it.each([{ a: 'text' }, { $a: 'number' }, { 'a\\b': 'number' }, ['a'], 1])('refuse the fields %j', async (fields) => {
    await expect(store.createCollection('c', { dimension: 2, fields: fields as never })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('refuse texts that are no instants where dates are declared', async () => {
    await store.createCollection('c', { dimension: 1, fields: { 'x.at': 'date' } });
    const dated = store.collection('c');
    const vector = [1];
    await dated.upsert([
      { vector, metadata: { x: { at: new Date(0) } } },
      { vector, metadata: { x: { at: [new Date(1), 5, true] } } },
      { vector, metadata: { x: 'at' } },
    ]);
    for (const at of ['1970-01-01', '1970-01-01T00:00:00Z', ['x'], ''])
      await expect(dated.upsert([{ vector, metadata: { x: { at } } }])).rejects.toMatchObject({
        code: 'invalid_argument',
        applied: 'no',
        details: { path: 'documents[0].metadata.x.at' },
      });
  });
});

describe('parts of a batch', () => {
  const items = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }));
  const translate = (error: unknown): StorageError =>
    new StorageError({ code: 'unavailable', message: 'gone', applied: 'no', cause: error });

  it('are as large as may be', () => {
    expect([...partsOf(items, { count: 2 })].map((part) => part.length)).toEqual([2, 2, 1]);
    expect([...partsOf([5, 1, 1, 9, 1], { count: 9, bytes: 6 }, (size) => size)]).toEqual([[5, 1], [1], [9], [1]]);
    expect([...partsOf([], { count: 2 })]).toEqual([]);
  });

  it('tell what is kept when one fails', async () => {
    const failing = (at: number): Promise<void> => {
      let part = 0;
      return inParts(
        partsOf(items, { count: 2 }),
        async () => {
          if (part++ === at) throw new Error('cut');
        },
        translate,
      );
    };
    await expect(failing(0)).rejects.toMatchObject({ applied: 'no', details: { kept: [], failed: ['a', 'b'] } });
    await expect(failing(1)).rejects.toMatchObject({
      applied: 'unknown',
      details: { kept: ['a', 'b'], failed: ['c', 'd'] },
    });
    await expect(failing(3)).resolves.toBeUndefined();
  });
});
