// Making collections: readiness, names, settings, races, and what something else made.
import { describe, expect, it } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import { isStorageError, type StorageError } from '@storage/core';
import { onService } from '@storage/services/testing';
import { createPinecone } from '../src/index.ts';
import { freshPrefix } from './harness.ts';
import { Stores } from './stand-in.ts';

const failure = (pending: Promise<unknown>): Promise<StorageError> =>
  pending.then(
    () => {
      throw new Error('It succeeded.');
    },
    (error: unknown) => {
      if (!isStorageError(error)) throw error;
      return error;
    },
  );

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);
  const sdk = new Pinecone({ apiKey: 'any', controllerHostUrl: url });
  const options = { apiKey: 'any', controllerUrl: url };
  /** The name of an index that nobody else has. */
  const freshIndex = (): string => `${freshPrefix()}x`;
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  describe('a new index', () => {
    it('is waited for, within readyTimeoutMs, and the error tells how far it had come', async () => {
      await using store = await stores.open({ readyTimeoutMs: 1 });
      const error = await failure(store.vectors.createCollection('c', { dimension: 2 }));
      expect(error).toMatchObject({ code: 'timeout', details: { state: 'Initializing' } });
      expect(error.message).toContain('readyTimeoutMs');
      expect(error.details?.['waitedMs']).toBeGreaterThanOrEqual(0);
      await pause(300);
      // It went on: a later call finds it.
      expect(await store.vectors.getCollection('c')).toMatchObject({ dimension: 2 });
    });

    it('is waited for as long as the call may take', async () => {
      await using store = await stores.open();
      const late = await failure(store.vectors.createCollection('c', { dimension: 2, timeoutMs: 60 }));
      expect(late.code).toBe('timeout');
      const aborted = await failure(
        store.vectors.createCollection('d', { dimension: 2, signal: AbortSignal.timeout(60) }),
      );
      expect(aborted.code).toBe('aborted');
    });

    it('is what cloud and region, or environment and podType, say', async () => {
      const kinds = [freshPrefix(), freshPrefix()] as const;
      await using serverless = await stores.open({ cloud: 'gcp', region: 'europe-west4', prefix: kinds[0] });
      expect(await serverless.vectors.createCollection('c', { dimension: 2 })).toMatchObject({
        indexType: 'serverless',
      });
      expect((await sdk.describeIndex(`${kinds[0]}c`)).spec).toMatchObject({
        serverless: { cloud: 'gcp', region: 'europe-west4' },
      });
      await using pods = await stores.open({ environment: 'us-west1-gcp', podType: 's1.x2', prefix: kinds[1] });
      expect(await pods.vectors.createCollection('c', { dimension: 2 })).toMatchObject({ indexType: 'pod' });
      expect((await sdk.describeIndex(`${kinds[1]}c`)).spec).toMatchObject({
        pod: { environment: 'us-west1-gcp', podType: 's1.x2' },
      });
    });
  });

  describe('settings of a collection', () => {
    const settings = {
      dimension: 2,
      metadata: { note: 'é'.repeat(200), list: [1, null, { a: 'b' }] },
      embeddingModel: 'a/model-3',
      fields: { at: 'date', 'a.b': 'number' },
    } as const;

    it('are kept in the tags of its index, and seen by another process', async () => {
      const prefix = freshPrefix();
      await using store = await stores.open({ prefix });
      await store.vectors.createCollection('My.Docs_1', settings);
      await using other = await stores.open({ prefix });
      const { dimension: _dimension, ...kept } = settings;
      expect(await other.vectors.getCollection('My.Docs_1')).toMatchObject(kept);
      expect((await other.vectors.listCollections()).items.map(({ name }) => name)).toEqual(['My.Docs_1']);
    });

    it('are kept in the one index as well', async () => {
      const indexName = freshIndex();
      await using store = await stores.open({ indexName });
      await store.vectors.createCollection('My.Docs_1', settings);
      await using other = await stores.open({ indexName });
      const { dimension: _dimension, ...kept } = settings;
      expect(await other.vectors.getCollection('My.Docs_1')).toMatchObject(kept);
    });

    it('are refused where they do not fit, before an index is made', async () => {
      await using store = await stores.open();
      const error = await failure(
        store.vectors.createCollection('c', { dimension: 2, metadata: { note: 'x'.repeat(2000) } }),
      );
      expect(error).toMatchObject({ code: 'too_large', applied: 'no' });
      await using one = await stores.open({ indexName: freshIndex() });
      const metadata = { note: 'x'.repeat(50_000) };
      expect(await failure(one.vectors.createCollection('c', { dimension: 2, metadata }))).toMatchObject({
        code: 'too_large',
      });
      expect(await store.vectors.getCollection('c')).toBeUndefined();
      expect(await one.vectors.getCollection('c')).toBeUndefined();
    });
  });

  describe('one index for all collections', () => {
    it('refuses another dimension or metric by its name', async () => {
      const indexName = freshIndex();
      await using store = await stores.open({ indexName });
      await store.vectors.createCollection('a', { dimension: 3 });
      const error = await failure(store.vectors.createCollection('b', { dimension: 4 }));
      expect(error).toMatchObject({
        code: 'invalid_state',
        details: { index: indexName, dimension: 3, metric: 'cosine' },
      });
      expect(error.message).toContain(indexName);
      expect((await failure(store.vectors.createCollection('b', { dimension: 3, metric: 'euclidean' }))).code).toBe(
        'unsupported',
      );
      const other = createPinecone({ ...options, indexName, metric: 'euclidean' });
      expect(await failure(other.open())).toMatchObject({ code: 'invalid_argument', details: { path: 'metric' } });
      expect((await store.vectors.listCollections()).items.map(({ name }) => name)).toEqual(['a']);
    });

    it('keeps collections and namespaces apart, also under a namespace of the store', async () => {
      const indexName = freshIndex();
      await using first = await stores.open({ indexName, namespace: 'first' });
      await using second = await stores.open({ indexName, namespace: 'first:x' });
      for (const [at, store] of [first, second].entries()) {
        await store.vectors.createCollection('c', { dimension: 2 });
        const place = store.vectors.collection('c');
        await place.upsert([{ id: 'a', vector: [1, at + 1], metadata: { at } }], { waitFor: 'visible' });
        await place.namespace('c').upsert([{ id: 'b', vector: [1, 1] }], { waitFor: 'visible' });
      }
      expect((await first.vectors.collection('c').get(['a']))[0]?.metadata).toEqual({ at: 0 });
      expect((await first.vectors.listCollections()).items).toMatchObject([{ name: 'c', count: 2 }]);
      await first.vectors.deleteCollection('c');
      expect(await first.vectors.getCollection('c')).toBeUndefined();
      expect(await second.vectors.getCollection('c')).toMatchObject({ count: 2 });
    });

    it('has one winner among those who make a collection at once', async () => {
      const indexName = freshIndex();
      const all = await Promise.all(Array.from({ length: 4 }, () => stores.open({ indexName })));
      const made = await Promise.allSettled(all.map((each) => each.vectors.createCollection('c', { dimension: 2 })));
      expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const each of made)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'already_exists' });
      for (const each of all) await each.close();
    });
  });

  describe('what another process does', () => {
    it('deleting a collection makes calls on it not_found', async () => {
      const prefix = freshPrefix();
      await using here = await stores.open({ prefix });
      await using there = await stores.open({ prefix });
      await here.vectors.createCollection('c', { dimension: 2 });
      const collection = here.vectors.collection('c');
      await collection.upsert([{ id: 'a', vector: [1, 2] }], { waitFor: 'visible' });
      await there.vectors.deleteCollection('c');
      for (const work of [
        () => collection.upsert([{ id: 'b', vector: [1, 2] }]),
        () => collection.search({ vector: [1, 2] }),
        () => collection.count(),
      ])
        expect((await failure(work())).code).toBe('not_found');
      await there.vectors.createCollection('c', { dimension: 3 });
      expect(await collection.count()).toBe(0);
      expect((await failure(collection.upsert([{ id: 'b', vector: [1, 2] }]))).code).toBe('invalid_argument');
    });

    it('protecting an index keeps it', async () => {
      const prefix = freshPrefix();
      await using store = await stores.open({ prefix });
      await store.vectors.createCollection('c', { dimension: 2 });
      await sdk.configureIndex({ name: `${prefix}c`, deletionProtection: 'enabled' });
      expect(await failure(store.vectors.deleteCollection('c'))).toMatchObject({
        code: 'permission_denied',
        applied: 'no',
        message: expect.stringContaining('deletion protection'),
      });
      await sdk.configureIndex({ name: `${prefix}c`, deletionProtection: 'disabled' });
    });
  });

  describe('what something else wrote', () => {
    it('is a collection, read and filtered as it is', async () => {
      const prefix = freshPrefix();
      const name = `${prefix}theirs`;
      await using store = await stores.open({ prefix });
      await sdk.createIndex({
        name,
        dimension: 2,
        metric: 'euclidean',
        spec: { serverless: { cloud: 'aws', region: 'us-east-1' } },
      });
      await pause(200);
      const { host } = await sdk.describeIndex(name);
      await sdk.index({ host }).upsert({
        records: [
          { id: 'a', values: [3, 4], metadata: { n: 1, tags: ['x', 'y'], 'a.b': 7, _private: true } },
          { id: 'b', values: [0, 1], metadata: { n: '1', text: 'hello' } },
          { id: 'c', values: [0, 2] },
        ],
      });
      await pause(200);
      expect((await store.vectors.listCollections()).items).toMatchObject([
        { name: 'theirs', metric: 'euclidean', count: 3 },
      ]);
      const collection = store.vectors.collection('theirs');
      const [a] = await collection.get(['a']);
      expect(a).toEqual({ id: 'a', vector: [3, 4], metadata: { n: 1, tags: ['x', 'y'], 'a.b': 7, _private: true } });
      const found = async (filter: object): Promise<string[]> =>
        (await collection.search({ vector: [1, 1], filter: filter as never }))
          .map(({ document }) => document.id)
          .sort();
      expect(await found({ n: 1 })).toEqual(['a']);
      expect(await found({ n: { $ne: 1 } })).toEqual(['b', 'c']);
      expect(await found({ n: { $exists: false } })).toEqual(['c']);
      expect(await found({ tags: 'y' })).toEqual(['a']);
      expect(await found({ 'a\\.b': 7 })).toEqual(['a']);
      expect(await found({ 'a.b': 7 })).toEqual([]);
      expect(await found({ text: { $startsWith: 'he' } })).toEqual(['b']);
      expect(await found({ _private: true })).toEqual(['a']);
      expect(await found({ n: { $in: [1, '1'] } })).toEqual(['a', 'b']);
      expect(await collection.deleteWhere({ n: { $gt: 0 } }, { waitFor: 'visible' })).toBe(1);
      expect(await collection.count()).toBe(2);
    });

    it('in a namespace of the one index is one too', async () => {
      const indexName = freshIndex();
      await using store = await stores.open({ indexName });
      await store.vectors.createCollection('ours', { dimension: 2 });
      const { host } = await sdk.describeIndex(indexName);
      await sdk
        .index({ host, namespace: 'theirs' })
        .upsert({ records: [{ id: 'a', values: [1, 2], metadata: { n: 1 } }] });
      await pause(200);
      expect((await store.vectors.listCollections()).items.map(({ name }) => name)).toEqual(['ours', 'theirs']);
      expect(await store.vectors.collection('theirs').count({ n: 1 })).toBe(1);
      expect(await failure(store.vectors.createCollection('theirs', { dimension: 2 }))).toMatchObject({
        code: 'already_exists',
      });
      expect(await store.vectors.deleteCollection('theirs')).toBe(true);
    });
  });

  it('scores as the contract says, from what the vendor says', async () => {
    await using store = await stores.open();
    for (const [metric, score, distance] of [
      ['euclidean', -5, 25],
      ['dot_product', 24, undefined],
      ['cosine', 0.96, undefined],
    ] as const) {
      await store.vectors.createCollection(metric, { dimension: 2, metric });
      const collection = store.vectors.collection(metric);
      const [vector, query] =
        metric === 'euclidean'
          ? [
              [6, 8],
              [3, 4],
            ]
          : [[3, 4], metric === 'cosine' ? [4, 3] : [0, 6]];
      await collection.upsert([{ id: 'a', vector: vector ?? [] }], { waitFor: 'visible' });
      const [match] = await collection.search({ vector: query ?? [] });
      expect(match?.score).toBeCloseTo(score, 5);
      if (distance === undefined) expect(match?.distance).toBeUndefined();
      else expect(match?.distance).toBeCloseTo(distance, 5);
    }
  });
});
