// Reads lag behind writes, and waitFor closes the gap.
import { describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import type { PineconeOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';
import { lag, Stores, watchedClient } from './stand-in.ts';

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);

  describe.each<[string, PineconeOptions]>([
    ['serverless index', {}],
    ['pod index', { environment: 'us-west1-gcp' }],
  ])('a %s', (_name, options) => {
    it('shows a write late to those who do not wait', async () => {
      const prefix = freshPrefix();
      await using store = await stores.open({ ...options, prefix });
      await store.vectors.createCollection('c', { dimension: 2 });
      await lag(url, `${prefix}c`, 5000);
      const collection = store.vectors.collection('c');
      await collection.upsert([{ id: 'a', vector: [1, 2] }]);
      expect(await collection.get(['a'])).toEqual([undefined]);
    });

    it('shows every write to who waits, of documents and of namespaces', async () => {
      await using store = await stores.open(options);
      await store.vectors.createCollection('c', { dimension: 2 });
      const collection = store.vectors.collection('c');
      const wait = { waitFor: 'visible' } as const;
      const documents = (more: object = {}) =>
        Array.from({ length: 20 }, (_, at) => ({ id: `d${at}`, vector: [1, at], metadata: { at, ...more } }));
      await collection.upsert(documents(), wait);
      expect(await collection.count()).toBe(20);
      await collection.upsert(documents({ again: true }), wait);
      expect(await collection.search({ vector: [1, 1], filter: { again: true }, limit: 100 })).toHaveLength(20);
      await collection.upsert([{ id: 'one', vector: [1, 2] }]);
      await collection.delete(['d0', 'd1'], wait);
      expect(await collection.get(['d0', 'd1', 'one'])).toMatchObject([undefined, undefined, { id: 'one' }]);
      expect(await collection.deleteWhere({ at: { $lt: 10 } }, wait)).toBe(8);
      expect(await collection.count()).toBe(11);
      await collection.namespace('n').upsert(documents(), wait);
      expect(await collection.namespace('n').count()).toBe(20);
      await collection.namespace('n').dropNamespace(wait);
      expect(await collection.namespace('n').count()).toBe(0);
      expect(await collection.namespace('n').search({ vector: [1, 1] })).toEqual([]);
      await collection.dropNamespace({ ...wait, recursive: true });
      expect(await collection.count()).toBe(0);
    }, 30_000);
  });

  it('waits no longer than the call may take', async () => {
    const client = watchedClient(url, async (request, send) => {
      const response = await send();
      if (request.path !== '/query') return response;
      // As if the index never caught up.
      const headers = new Headers(response.headers);
      headers.set('x-pinecone-max-indexed-lsn', '0');
      return new Response(await response.text(), { status: response.status, headers });
    });
    await using store = await stores.open({ client });
    await store.vectors.createCollection('c', { dimension: 2 });
    const collection = store.vectors.collection('c');
    const start = performance.now();
    await expect(
      collection.upsert([{ id: 'a', vector: [1, 2] }], { waitFor: 'visible', timeoutMs: 600 }),
    ).rejects.toMatchObject({ code: 'timeout', applied: 'unknown' });
    expect(performance.now() - start).toBeLessThan(5000);
    await expect(
      collection.upsert([{ id: 'b', vector: [1, 2] }], { waitFor: 'visible', signal: AbortSignal.timeout(300) }),
    ).rejects.toMatchObject({ code: 'aborted' });
  });
});
