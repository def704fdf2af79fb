import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import { outcome, type StorageError } from '@storage/core';
import { createProxy, type FaultProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import { createQdrant, type QdrantBackend, type QdrantOptions } from '../src/index.ts';
import { ask, freshPrefix, removeCollections } from './harness.ts';

/** What a call fails with. */
async function failure(work: Promise<unknown>): Promise<StorageError> {
  const ended = await outcome(work);
  if (ended.ok) throw new Error('The call succeeded.');
  return ended.error;
}

/** The code of what is thrown. */
function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as StorageError).code;
  }
  return 'none';
}

/** A server that answers what a test wants. */
async function answering(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(request, response, Buffer.concat(parts).toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const info = {
  status: 'green',
  optimizer_status: 'ok',
  segments_count: 1,
  payload_schema: {},
  config: { params: { vectors: { size: 2, distance: 'Cosine' } }, hnsw_config: { m: 16 }, optimizer_config: {} },
};

/** Answers what opening and looking at a collection ask. */
function usual(request: IncomingMessage, response: ServerResponse): boolean {
  const { url = '', method } = request;
  if (url === '/') json(response, 200, { title: 'qdrant', version: '1.18.3' });
  else if (method === 'GET' && url === '/collections') json(response, 200, { result: { collections: [] } });
  else if (method === 'GET' && url.startsWith('/collections/')) json(response, 200, { result: info });
  else return false;
  return true;
}

async function opened(options: QdrantOptions): Promise<QdrantBackend> {
  const backend = createQdrant(options);
  await backend.open();
  return backend;
}

describe('what a server may answer', () => {
  it.each([
    [401, 'Invalid API key or JWT', 'unauthenticated', 'no'],
    [403, 'Forbidden: Write access to collection is required', 'permission_denied', 'no'],
    [404, "Not found: Collection `c` doesn't exist!", 'not_found', 'no'],
    [413, 'Payload error: JSON payload is larger than allowed', 'too_large', 'no'],
    [422, 'Validation error in JSON body', 'invalid_argument', 'no'],
    [500, 'Service internal error: No space left on device', 'quota_exceeded', undefined],
    [500, 'Service internal error: panic', 'unavailable', 'unknown'],
    [503, 'Service unavailable', 'unavailable', 'unknown'],
  ] as const)('%i %s is %s', async (status, words, code, applied) => {
    await using server = await answering((request, response) => {
      if (!usual(request, response)) json(response, status, { status: { error: words } });
    });
    await using backend = await opened({ url: server.url, apiKey: 'very-secret' });
    const error = await failure(backend.vectors.collection('c').upsert([{ id: 'a', vector: [1, 2] }]));
    expect(error).toMatchObject({ code, backend: 'qdrant', operation: 'vectors.upsert' });
    if (applied !== undefined) expect(error.applied).toBe(applied);
    expect(JSON.stringify(error)).not.toContain('very-secret');
  });

  it('waits as long as a 429 asks, and tries again', async () => {
    let refused = 0;
    await using server = await answering((request, response) => {
      if (usual(request, response)) return;
      if (refused++ === 0) json(response, 429, { status: { error: 'Rate limiting exceeded' } }, { 'retry-after': '1' });
      else json(response, 200, { result: { operation_id: 1, status: 'completed' } });
    });
    await using backend = await opened({ url: server.url });
    const began = performance.now();
    await backend.vectors.collection('c').upsert([{ id: 'a', vector: [1, 2] }]);
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(refused).toBe(2);
  });

  it('is rate_limited where the call ends before the server may be asked again', async () => {
    await using server = await answering((request, response) => {
      if (!usual(request, response)) json(response, 429, { status: { error: 'slow' } }, { 'retry-after': '45' });
    });
    await using backend = await opened({ url: server.url });
    const error = await failure(backend.vectors.collection('c').search({ vector: [1, 2] }, { timeoutMs: 500 }));
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true, details: { retryAfterMs: 45_000 } });
  });

  it('a hung socket ends with the deadline, and with the signal', async () => {
    await using server = await answering((request, response) => void usual(request, response));
    await using backend = await opened({ url: server.url });
    const collection = backend.vectors.collection('c');
    const late = await failure(collection.upsert([{ id: 'a', vector: [1, 2] }], { timeoutMs: 200 }));
    expect(late).toMatchObject({ code: 'timeout', applied: 'unknown' });
    const gone = await failure(collection.search({ vector: [1, 2] }, { signal: AbortSignal.timeout(100) }));
    expect(gone.code).toBe('aborted');
  });

  it('what is not JSON, or is cut short, is an outage and no miss', async () => {
    for (const text of ['<html>welcome</html>', '{"result": {"points": [', '']) {
      await using server = await answering((request, response) => {
        if (!usual(request, response)) response.writeHead(200, { 'content-type': 'application/json' }).end(text);
      });
      await using backend = await opened({ url: server.url });
      expect((await failure(backend.vectors.collection('c').get(['a']))).code).toBe('unavailable');
    }
  });

  it('an older server, another kind of server and none are told apart', async () => {
    await using old = await answering((_request, response) => json(response, 200, { version: '1.15.4' }));
    expect(await failure(createQdrant({ url: old.url }).open())).toMatchObject({ code: 'version_mismatch' });
    await using other = await answering((_request, response) => void response.writeHead(200).end('hello'));
    expect(await failure(createQdrant({ url: other.url }).open())).toMatchObject({ code: 'unavailable' });
    const { url } = other;
    await other[Symbol.asyncDispose]();
    const none = await failure(createQdrant({ url }).open());
    expect(none).toMatchObject({ code: 'unavailable' });
    expect(none.message).toContain('`url`');
  });

  it('sends the key in a header, and warns nobody', async () => {
    const keys: unknown[] = [];
    await using server = await answering((request, response) => {
      keys.push(request.headers['api-key']);
      usual(request, response);
    });
    await using backend = await opened({ url: server.url, apiKey: 'very-secret' });
    expect((await backend.health()).status).toBe('healthy');
    expect(new Set(keys)).toEqual(new Set(['very-secret']));
    expect(JSON.stringify(await backend.health())).not.toContain('very-secret');
  });

  it('is never too large: a batch goes in requests below 32 MiB', async () => {
    const sizes: number[] = [];
    await using server = await answering((request, response, body) => {
      if (usual(request, response)) return;
      sizes.push(Buffer.byteLength(body));
      json(response, 200, { result: { operation_id: 1, status: 'completed' } });
    });
    await using backend = await opened({ url: server.url });
    const text = '\u0001\u0002'.repeat(300_000);
    await backend.vectors
      .collection('c')
      .upsert(Array.from({ length: 10 }, (_, index) => ({ id: `d${index}`, vector: [1, 2], metadata: { text } })));
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(32 * 1024 * 1024);
  }, 60_000);

  it('says which documents are kept where a later part of a batch fails', async () => {
    let parts = 0;
    await using server = await answering((request, response) => {
      if (usual(request, response)) return;
      if (++parts > 4) json(response, 500, { status: { error: 'panic' } });
      else json(response, 200, { result: { operation_id: 1, status: 'completed' } });
    });
    await using backend = await opened({ url: server.url });
    const documents = Array.from({ length: 1500 }, (_, index) => ({ id: `d${index}`, vector: [1, 2] }));
    const error = await failure(backend.vectors.collection('c').upsert(documents));
    expect(error).toMatchObject({ code: 'unavailable', applied: 'unknown' });
    const { kept, failed } = error.details as { readonly kept: string[]; readonly failed: string[] };
    // Parts go four at a time, and none is begun behind a failure.
    expect(kept).toHaveLength(1024);
    expect(failed.length).toBeGreaterThanOrEqual(256);
    expect(new Set([...kept, ...failed]).size).toBe(kept.length + failed.length);
  });
});

await onService('qdrant', ({ url }) => {
  const prefix = freshPrefix();
  afterAll(() => removeCollections(url, prefix), 60_000);

  async function through(): Promise<{ proxy: FaultProxy; backend: QdrantBackend }> {
    const { hostname, port } = new URL(url);
    const proxy = await createProxy({ host: hostname, port: Number(port) });
    return { proxy, backend: await opened({ url: `http://127.0.0.1:${proxy.port}`, prefix }) };
  }

  describe('faults between Qdrant and a store', () => {
    it('a connection that is cut before or after a request: the write is there once, or the error says what is known', async () => {
      const { proxy, backend } = await through();
      await backend.vectors.createCollection('cut', { dimension: 2 });
      const collection = backend.vectors.collection('cut');
      for (const [index, fault] of (['before-request', 'after-request', 'garbage'] as const).entries()) {
        proxy.onNext(fault);
        const ended = await outcome(collection.upsert([{ id: `d${index}`, vector: [1, 2] }]));
        const [there] = await collection.get([`d${index}`]);
        if (ended.ok) expect(there?.id).toBe(`d${index}`);
        else {
          expect(ended.error).toMatchObject({ code: 'unavailable', applied: 'unknown' });
        }
      }
      await backend.close();
      await proxy[Symbol.asyncDispose]();
    });

    it('a stalled server ends with the deadline, and answers again when it goes on', async () => {
      const { proxy, backend } = await through();
      await backend.vectors.createCollection('stall', { dimension: 2 });
      const collection = backend.vectors.collection('stall');
      proxy.stall();
      expect(await failure(collection.count({}, { timeoutMs: 300 }))).toMatchObject({ code: 'timeout' });
      proxy.resume();
      expect(await collection.count()).toBe(0);
      await backend.close();
      await proxy[Symbol.asyncDispose]();
    });

    it('an outage is no miss, and is over when the server is back', async () => {
      const { proxy, backend } = await through();
      await backend.vectors.createCollection('outage', { dimension: 2 });
      await proxy.cut();
      expect((await failure(backend.vectors.collection('outage').get(['a']))).code).toBe('unavailable');
      expect((await failure(backend.vectors.getCollection('outage'))).code).toBe('unavailable');
      expect((await backend.health()).status).toBe('unhealthy');
      await proxy.restore();
      expect(await backend.vectors.collection('outage').get(['a'])).toEqual([undefined]);
      await backend.close();
      await proxy[Symbol.asyncDispose]();
    });
  });

  describe('bad input', () => {
    it('is refused with what was wrong', async () => {
      await using backend = await opened({ url, prefix });
      const collection = backend.vectors.collection('none');
      expect(await failure(collection.search({ vector: [1] }))).toMatchObject({ code: 'not_found' });
      await backend.vectors.createCollection('some', { dimension: 2 });
      const some = backend.vectors.collection('some');
      for (const vector of [[1], [1, Number.NaN], [1, Number.POSITIVE_INFINITY], [], [0, 0]])
        expect((await failure(some.upsert([{ vector }]))).code).toBe('invalid_argument');
      for (const limit of [0, 100_001])
        expect((await failure(some.search({ vector: [1, 2], limit }))).code).toBe('invalid_argument');
      expect((await failure(some.search({ vector: [1, 2], filter: { a: { $near: 1 } } as never }))).code).toBe(
        'invalid_argument',
      );
      const large = await failure(some.upsert([{ vector: [1, 2], content: 'x'.repeat(4 * 1024 * 1024 + 1) }]));
      expect(large.code).toBe('too_large');
      for (const options of [{ dimension: 3 }, { dimension: 2, metric: 'euclidean' as const }])
        expect(await failure(backend.vectors.createCollection('some', { ...options, ifAbsent: true }))).toMatchObject({
          code: 'invalid_state',
        });
      expect(await some.count()).toBe(0);
    });

    it('in options is invalid_argument at once', () => {
      for (const options of [
        { url: 'qdrant://x' },
        { url: 'http://user:password@localhost' },
        { vectorSize: 3 },
        { collectionName: 'c', vectorSize: 0 },
        { prefix: 'a/b' },
        { quantization: { type: 'none' } },
        { hnsw: { m: 1.5 } },
        { sparse: 'yes' },
      ])
        expect(codeOf(() => createQdrant(options as QdrantOptions))).toBe('invalid_argument');
    });
  });

  it('notices a collection that another client deletes and makes again', async () => {
    await using one = await opened({ url, prefix });
    await using other = await opened({ url, prefix });
    await one.vectors.createCollection('again', { dimension: 2 });
    await one.vectors.collection('again').upsert([{ id: 'a', vector: [1, 2] }]);
    await other.vectors.deleteCollection('again');
    expect((await failure(one.vectors.collection('again').upsert([{ id: 'a', vector: [1, 2] }]))).code).toBe(
      'not_found',
    );
    await other.vectors.createCollection('again', { dimension: 2 });
    await one.vectors.collection('again').upsert([{ id: 'a', vector: [1, 2] }]);
    await other.vectors.deleteCollection('again');
    await other.vectors.createCollection('again', { dimension: 3 });
    expect(await one.vectors.collection('again').count()).toBe(0);
    await one.vectors.collection('again').upsert([{ id: 'a', vector: [1, 2, 3] }]);
    expect((await failure(one.vectors.collection('again').search({ vector: [1, 2] }))).code).toBe('invalid_argument');
    expect((await one.vectors.getCollection('again'))?.dimension).toBe(3);
  });

  it('mends what a process left behind that died while it made a collection', async () => {
    await using backend = await opened({ url, prefix });
    const fields = { a: 'number', when: 'date' } as const;
    await backend.vectors.createCollection('half', { dimension: 2, fields });
    const native = `/collections/${prefix}half`;
    const before = await ask<{ readonly payload_schema: object }>(url, 'GET', native);
    for (const field of ['a', '_storage.ns']) await ask(url, 'DELETE', `${native}/index/${field}?wait=true`);
    await backend.vectors.createCollection('half', { dimension: 2, fields, ifAbsent: true });
    const after = await ask<{ readonly payload_schema: object }>(url, 'GET', native);
    expect(Object.keys(after.payload_schema).sort()).toEqual(Object.keys(before.payload_schema).sort());
  });
});
