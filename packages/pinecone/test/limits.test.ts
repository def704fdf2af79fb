// No request is over the vendor's limits, and no answer is short for want of them.
import { describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import { requestLimits } from '../src/pinecone-index.ts';
import { type Seen, Stores, watchedClient } from './stand-in.ts';

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);
  const requests: Seen[] = [];
  const client = watchedClient(url, (request, send) => {
    requests.push(request);
    return send();
  });
  const of = (path: string): readonly Seen[] => requests.filter((request) => request.path === path);

  describe('limits of requests', () => {
    it('part large batches, fetches and deletes', async () => {
      await using store = await stores.open({ client });
      await store.vectors.createCollection('c', { dimension: 8 });
      const collection = store.vectors.collection('c');
      const ids = Array.from({ length: 2500 }, (_, index) => `${'x'.repeat(index % 200)}${index}`);
      const documents = ids.map((id, index) => ({
        id,
        vector: Array.from({ length: 8 }, () => index + 1),
        ...(index % 50 === 0 && { content: 'é'.repeat(17_000) }),
      }));
      requests.length = 0;
      await collection.upsert(documents, { waitFor: 'visible' });
      const upserts = of('/vectors/upsert');
      expect(upserts.length).toBeGreaterThanOrEqual(3);
      for (const { body } of upserts)
        expect((JSON.parse(body) as { vectors: unknown[] }).vectors.length).toBeLessThanOrEqual(
          requestLimits.upsertRecords,
        );
      expect((await collection.get([...ids, 'none'], { includeVectors: false })).filter(Boolean)).toHaveLength(2500);
      for (const each of of('/vectors/fetch')) {
        expect(each.url.length).toBeLessThan(8000);
        expect(new URL(each.url).searchParams.getAll('ids').length).toBeLessThanOrEqual(requestLimits.fetchIds);
      }
      expect(await collection.delete(ids, { waitFor: 'visible' })).toBe(2500);
      for (const { body } of of('/vectors/delete'))
        expect((JSON.parse(body) as { ids: unknown[] }).ids.length).toBeLessThanOrEqual(requestLimits.deleteIds);
      expect(await collection.count()).toBe(0);
    }, 60_000);

    it('send 64 upserts at once in a few requests', async () => {
      await using store = await stores.open({ client });
      await store.vectors.createCollection('c', { dimension: 8 });
      const collection = store.vectors.collection('c');
      await collection.count();
      requests.length = 0;
      const vector = [1, 2, 3, 4, 5, 6, 7, 8];
      await Promise.all(Array.from({ length: 64 }, (_, index) => collection.upsert([{ id: `d${index}`, vector }])));
      expect(of('/vectors/upsert').length).toBeLessThanOrEqual(4);
      await collection.upsert([{ id: 'last', vector }], { waitFor: 'visible' });
      expect(await collection.count()).toBe(65);
    });

    it('refuse metadata over the limit, and a vector of zeros, before anything is sent', async () => {
      await using store = await stores.open({ client });
      for (const metric of ['cosine', 'euclidean', 'dot_product'] as const) {
        await store.vectors.createCollection(metric, { dimension: 2, metric });
        const collection = store.vectors.collection(metric);
        await collection.count();
        requests.length = 0;
        const good = { id: 'good', vector: [1, 2] };
        const many = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`field${index}`, index]));
        await expect(collection.upsert([good, { id: 'bad', vector: [1, 2], metadata: many }])).rejects.toMatchObject({
          code: 'too_large',
          applied: 'no',
          details: { id: 'bad', limit: 40_960 },
        });
        await expect(collection.upsert([good, { id: 'bad', vector: [0, 0] }])).rejects.toMatchObject({
          code: 'invalid_argument',
          applied: 'no',
        });
        await expect(collection.search({ vector: [0, 0] })).rejects.toMatchObject({ code: 'invalid_argument' });
        await expect(collection.search({ vector: [1, 2], limit: 10_001 })).rejects.toMatchObject({
          code: 'invalid_argument',
        });
        expect(requests).toEqual([]);
      }
    });

    it('answer large matches whole, though one answer has no room for them', async () => {
      await using store = await stores.open();
      await store.vectors.createCollection('c', { dimension: 2 });
      const collection = store.vectors.collection('c');
      const documents = Array.from({ length: 150 }, (_, index) => ({
        id: `d${index}`,
        vector: [1, index],
        content: 'x'.repeat(35_000),
      }));
      await collection.upsert(documents, { waitFor: 'visible' });
      const matches = await collection.search({ vector: [1, 0], limit: 150 });
      expect(matches).toHaveLength(150);
      expect(matches.every(({ document }) => document.content?.length === 35_000)).toBe(true);
      const met: string[] = [];
      for await (const { id } of collection.iterate({ filter: { a: { $exists: false } } })) met.push(id);
      expect(new Set(met).size).toBe(150);
    }, 60_000);

    it('are an error where an answer would be short', async () => {
      await using store = await stores.open({ scanLimit: 200 });
      await store.vectors.createCollection('c', { dimension: 2, metric: 'euclidean' });
      const collection = store.vectors.collection('c');
      for (const start of [0, 5000, 10_000])
        await collection.upsert(
          Array.from({ length: start === 10_000 ? 10 : 5000 }, (_, index) => ({
            id: `d${start + index}`,
            vector: [start + index + 1, 1],
            metadata: { label: start + index < 10_000 ? 'near' : 'remote', few: (start + index) % 100 },
          })),
          { waitFor: 'visible' },
        );
      // What matches is behind the 10,000 closest, and Pinecone can't look up prefixes.
      await expect(
        collection.search({ vector: [1, 1], limit: 5, filter: { label: { $startsWith: 'remote' } } }),
      ).rejects.toMatchObject({ code: 'scan_limit' });
      // What it can look up is found however far it is.
      expect(await collection.search({ vector: [1, 1], limit: 5, filter: { label: 'remote' } })).toHaveLength(5);
      await expect(collection.search({ vector: [1, 1], exact: true })).rejects.toMatchObject({ code: 'scan_limit' });
      expect(await collection.search({ vector: [1, 1], filter: { few: 7 }, exact: true })).toHaveLength(10);
      expect(await collection.search({ vector: [1, 1], limit: 10_000 }, { includeMetadata: false })).toHaveLength(
        10_000,
      );
    }, 120_000);
  });

  describe('limits of pods', () => {
    it('are an error where a query can not find every document', async () => {
      await using store = await stores.open({ environment: 'us-west1-gcp' });
      await store.vectors.createCollection('c', { dimension: 2 });
      const collection = store.vectors.collection('c');
      const documents = Array.from({ length: 10_000 }, (_, index) => ({
        id: `d${index}`,
        vector: [1, index],
        metadata: { few: index % 100 },
      }));
      await collection.upsert(documents, { waitFor: 'visible' });
      await expect(collection.iterate()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'scan_limit' });
      const met: string[] = [];
      for await (const { id } of collection.iterate({ filter: { few: { $gte: 98 } } })) met.push(id);
      expect(new Set(met).size).toBe(200);
      expect(await collection.count({ few: 3 })).toBe(100);
      expect(await collection.count()).toBe(10_000);
    }, 120_000);
  });
});
