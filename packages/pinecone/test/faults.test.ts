// What the network and the vendor's gates do to requests, and what a caller is told.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { StorageError, VectorCollection } from '@storage/core';
import { onService } from '@storage/services/testing';
import { createPinecone, type PineconeBackend, type PineconeOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';
import { plan, Stores, watchedClient } from './stand-in.ts';

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);

  /** A collection whose index the tests may break, and its index's name. */
  async function broken(
    options: PineconeOptions = {},
  ): Promise<{ collection: VectorCollection; index: string; store: PineconeBackend }> {
    const prefix = freshPrefix();
    const store = await stores.open({ prefix, ...options });
    await store.vectors.createCollection('c', { dimension: 2 });
    const collection = store.vectors.collection('c');
    await collection.upsert([{ id: 'there', vector: [1, 1] }], { waitFor: 'visible' });
    return { collection, index: `${prefix}c`, store };
  }
  const document = { id: 'a', vector: [1, 2] };

  describe('a 429', () => {
    it('is waited out as long as the server asked', async () => {
      const { collection, index } = await broken();
      await plan(url, { index, kind: 'rate-limit', retryAfterSeconds: 1, path: '/vectors/upsert' });
      const start = performance.now();
      expect(await collection.upsert([document])).toMatchObject({ count: 1 });
      expect(performance.now() - start).toBeGreaterThanOrEqual(990);
    });

    it('is told at once where the call has not that much time, and nothing was done', async () => {
      const { collection, index } = await broken();
      await plan(url, { index, kind: 'rate-limit', retryAfterSeconds: 30, path: '/vectors/upsert' });
      const start = performance.now();
      await expect(collection.upsert([document], { timeoutMs: 5000 })).rejects.toMatchObject({
        code: 'rate_limited',
        retryable: true,
        applied: 'no',
        details: { retryAfterMs: 30_000 },
      });
      expect(performance.now() - start).toBeLessThan(4000);
    });

    it('is left as soon as the caller aborts', async () => {
      const { collection, index } = await broken();
      await plan(url, { index, kind: 'rate-limit', retryAfterSeconds: 30, path: '/query' });
      const start = performance.now();
      await expect(collection.search({ vector: [1, 1] }, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
        code: 'aborted',
      });
      expect(performance.now() - start).toBeLessThan(4000);
    });

    it('is told when it stays', async () => {
      const { collection, index } = await broken({ maxRetries: 2 });
      await plan(url, { index, kind: 'rate-limit', retryAfterSeconds: 0, count: 3, path: '/query' });
      await expect(collection.search({ vector: [1, 1] })).rejects.toMatchObject({ code: 'rate_limited' });
      expect(await collection.search({ vector: [1, 1] })).toHaveLength(1);
    });
  });

  describe('a server that fails', () => {
    it.each(['internal', 'unavailable', 'reset'] as const)('once with %s is asked again', async (kind) => {
      const { collection, index } = await broken();
      for (const path of ['/vectors/upsert', '/query', '/vectors/fetch', '/vectors/delete'])
        await plan(url, { index, kind, path });
      await collection.upsert([document], { waitFor: 'visible' });
      expect(await collection.search({ vector: [1, 1] })).toHaveLength(2);
      expect((await collection.get(['a']))[0]?.id).toBe('a');
      expect(await collection.delete(['a'])).toBe(1);
    });

    it.each(['internal', 'reset'] as const)(
      'always with %s is told, and whether the write may be there',
      async (kind) => {
        const { collection, index } = await broken({ maxRetries: 1 });
        await plan(url, { index, kind, when: 'after', count: 2, path: '/vectors/upsert' });
        await expect(collection.upsert([document])).rejects.toMatchObject({ code: 'unavailable', applied: 'unknown' });
        // It was carried out: only its answer was lost.
        await collection.upsert([{ id: 'b', vector: [1, 2] }], { waitFor: 'visible' });
        expect((await collection.get(['a']))[0]?.id).toBe('a');
      },
    );

    it('in the middle of a batch leaves what is told to be kept', async () => {
      let upserts = 0;
      const client = watchedClient(url, async (request, send) => {
        if (request.path !== '/vectors/upsert' || ++upserts !== 3) return send();
        return new Response('{"code":14,"message":"Service unavailable"}', { status: 503 });
      });
      const { collection } = await broken({ client, maxRetries: 0 });
      const ids = Array.from({ length: 2500 }, (_, at) => `d${at}`);
      const documents = ids.map((id, at) => ({ id, vector: [1, at] }));
      const error = await collection.upsert(documents).then(
        () => undefined,
        (thrown: unknown) => thrown as StorageError,
      );
      expect(error).toMatchObject({ code: 'unavailable', applied: 'unknown' });
      const { kept, failed } = (error as StorageError).details as { kept: string[]; failed: string[] };
      expect(kept.length).toBeGreaterThan(0);
      expect(failed.length).toBeGreaterThan(0);
      expect(kept.filter((id) => failed.includes(id))).toEqual([]);
      await collection.upsert([{ id: 'b', vector: [1, 2] }], { waitFor: 'visible' });
      expect(await collection.count()).toBe(kept.length + 2);
      const there = await collection.get(ids);
      expect(there.flatMap((each) => each?.id ?? []).sort()).toEqual([...kept].sort());
    });
  });

  describe('a server that does not answer', () => {
    it('is left when the call is over', async () => {
      const { collection, index } = await broken();
      await plan(url, { index, kind: 'hang', path: '/query' });
      await expect(collection.search({ vector: [1, 1] }, { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'timeout',
      });
      await plan(url, { index, kind: 'hang', path: '/vectors/upsert' });
      await expect(collection.upsert([document], { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'timeout',
        applied: 'unknown',
      });
    });

    it('is unavailable after requestTimeoutMs, for a caller who set no time', async () => {
      const { collection, index } = await broken({ requestTimeoutMs: 300, maxRetries: 0 });
      await plan(url, { index, kind: 'hang', path: '/query' });
      await expect(collection.search({ vector: [1, 1] })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('requestTimeoutMs'),
      });
      expect(await collection.search({ vector: [1, 1] })).toHaveLength(1);
    });
  });

  describe('what is wrong at once', () => {
    it('an address where nobody is', async () => {
      const nobody = createServer().listen(0, '127.0.0.1');
      await once(nobody, 'listening');
      const { port } = nobody.address() as AddressInfo;
      await new Promise((resolve) => nobody.close(resolve));
      const store = createPinecone({ apiKey: 'k', controllerUrl: `http://127.0.0.1:${port}`, maxRetries: 0 });
      await expect(store.open()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('controllerUrl'),
      });
    });

    it('a key that is refused', async () => {
      const client = watchedClient(url, async () => new Response('Unauthorized', { status: 401 }));
      await expect(createPinecone({ client }).open()).rejects.toMatchObject({
        code: 'unauthenticated',
        message: expect.stringContaining('PINECONE_API_KEY'),
      });
    });

    it.each<[number, string, string]>([
      [402, '', 'quota_exceeded'],
      [403, '{"error":{"code":"FORBIDDEN","message":"Deletion protection is enabled"}}', 'permission_denied'],
      [403, '{"error":{"code":"QUOTA_EXCEEDED","message":"over"}}', 'quota_exceeded'],
      [403, '{"error":{"code":"FORBIDDEN","message":"no"}}', 'permission_denied'],
      [412, '', 'invalid_state'],
      [422, '', 'invalid_argument'],
      [429, '{"error":{"code":"QUOTA_EXCEEDED","message":"The index exceeds the project quota"}}', 'quota_exceeded'],
      [429, '', 'rate_limited'],
      [502, '<html>Bad Gateway</html>', 'unavailable'],
    ])('an answer of %i %s', async (status, body, code) => {
      const client = watchedClient(url, async () => new Response(body, { status }));
      await expect(createPinecone({ client, maxRetries: 0 }).open()).rejects.toMatchObject({ code });
    });

    it('an answer that is none', async () => {
      const client = watchedClient(url, async () => new Response('<html>hello</html>'));
      await expect(createPinecone({ client, maxRetries: 0 }).open()).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  it('uses the configuration of a client that is given, without its retries', async () => {
    let requests = 0;
    const client = watchedClient(url, (_request, send) => {
      requests++;
      return send();
    });
    const { collection, index } = await broken({ client, maxRetries: 0 });
    await plan(url, { index, kind: 'internal', path: '/query' });
    requests = 0;
    await expect(collection.search({ vector: [1, 1] })).rejects.toMatchObject({ code: 'unavailable' });
    expect(requests).toBe(1);
  });

  describe('many at once', () => {
    let collection: VectorCollection;
    beforeAll(async () => {
      ({ collection } = await broken());
    });

    it('hear each of its own', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 64 }, (_, at) =>
          at === 7
            ? collection.upsert([{ id: 'zero', vector: [0, 0] }])
            : collection.upsert([{ id: `d${at}`, vector: [1, at] }]),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      expect(outcomes[7]?.status).toBe('rejected');
      await collection.upsert([{ id: 'z', vector: [1, 1] }], { waitFor: 'visible' });
      expect(await collection.count()).toBe(65);
    });
  });
});
