import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, jest } from '@jest/globals';
import { outcome, type VectorCollection } from '@storage/core';
import { createProxy, type FaultProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import { createChroma } from '../src/index.ts';
import { freshDatabase, removeDatabase, tenant } from './harness.ts';

// A busy machine's share.
jest.setTimeout(60_000);

/** A server that answers everything alike. */
async function answering(
  status: number,
  text: string,
  headers: { readonly [name: string]: string } = {},
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server: Server = createServer((request, response) => {
    const early = /pre-flight-checks$/.test(request.url ?? '')
      ? '{"max_batch_size":100,"supports_base64_encoding":true}'
      : undefined;
    const opening = /\/tenants\/[^/]+\/databases\/[^/]+$/.test(request.url ?? '')
      ? '{"id":"1","name":"d","tenant":"t"}'
      : undefined;
    const given = early ?? opening;
    request.resume().on('end', () => {
      if (given === undefined) response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(given);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function failsWith(given: { readonly url: string }): Promise<unknown> {
  await using backend = createChroma({ url: given.url });
  await backend.open();
  const ended = await outcome(backend.vectors.collection('c').upsert([{ id: 'a', vector: [1] }]));
  return ended.ok ? ended : ended.error;
}

it('tells a 429, with its hint', async () => {
  await using server = await answering(429, '{"error":"RateLimit","message":"slow down"}', { 'retry-after': '3' });
  expect(await failsWith(server)).toMatchObject({
    code: 'rate_limited',
    retryable: true,
    applied: 'no',
    details: { retryAfterMs: 3000 },
  });
});

it('tells bad credentials, missing rights, a quota, a request that is too large and a failing server', async () => {
  for (const [status, body, error] of [
    [401, '{"error":"AuthError","message":"no"}', { code: 'unauthenticated', applied: 'no' }],
    [403, '{"error":"AuthError","message":"no"}', { code: 'permission_denied', applied: 'no' }],
    [
      422,
      '{"error":"ChromaError","message":"Quota exceeded: metadata keys"}',
      { code: 'quota_exceeded', applied: 'no' },
    ],
    [413, '"Payload too large"', { code: 'too_large', applied: 'no' }],
    [500, '{"error":"InternalError","message":"no"}', { code: 'unavailable' }],
    [200, '<html>', { code: 'unavailable' }],
  ] as const) {
    await using server = await answering(status, body);
    expect([status, await failsWith(server)]).toMatchObject([status, error]);
  }
});

it('says where it looked when no server is there, and shows no token', async () => {
  await using backend = createChroma({ host: '127.0.0.1', port: 1, authToken: 'very-secret' });
  const opened = await outcome(backend.open());
  expect(opened).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  if (!opened.ok) expect(JSON.stringify(opened.error) + opened.error.message).not.toContain('very-secret');
});

await onService('chroma', ({ url }) => {
  async function throughProxy(body: (docs: VectorCollection, proxy: FaultProxy) => Promise<void>): Promise<void> {
    const database = freshDatabase();
    const { hostname: host, port } = new URL(url);
    await using proxy = await createProxy({ host, port: Number(port) });
    await using backend = createChroma({ url: `http://127.0.0.1:${proxy.port}`, tenant, database });
    await backend.open();
    try {
      await backend.vectors.createCollection('docs', { dimension: 2 });
      const docs = backend.vectors.collection('docs');
      await docs.upsert([{ id: 'a', vector: [1, 1], metadata: { n: 1 } }]);
      await body(docs, proxy);
    } finally {
      await removeDatabase(url, database);
    }
  }

  const batch = (token: string): { id: string; vector: number[]; content: string }[] => [
    { id: 'b', vector: [1, 2], content: token },
    { id: 'c', vector: [1, 3], content: token },
  ];

  it('says truly whether a write that was cut off may be there', () =>
    throughProxy(async (docs, proxy) => {
      proxy.onNext('before-request', 'token-before');
      expect(await outcome(docs.upsert(batch('token-before')))).toMatchObject({
        error: { code: 'unavailable', applied: 'unknown', details: { kept: [], failed: ['b', 'c'] } },
      });
      expect(await docs.count()).toBe(1);
      proxy.onNext('after-request', 'token-after');
      expect(await outcome(docs.upsert(batch('token-after')))).toMatchObject({
        error: { code: 'unavailable', applied: 'unknown' },
      });
      expect(await docs.count()).toBe(3);
    }));

  it('sends a single upsert again when its connection was lost, for that changes nothing', () =>
    throughProxy(async (docs, proxy) => {
      proxy.onNext('after-request', 'token-single');
      await docs.upsert([{ id: 'd', vector: [1, 1], content: 'token-single' }]);
      expect(proxy.struck).toBe(1);
      expect((await docs.get(['d']))[0]?.content).toBe('token-single');
    }));

  it('takes garbage for a lost connection, and a server that is gone for an outage, never a miss', () =>
    throughProxy(async (docs, proxy) => {
      proxy.onNext('garbage', 'token-garbage');
      expect(await outcome(docs.upsert(batch('token-garbage')))).toMatchObject({
        error: { code: 'unavailable', applied: 'unknown' },
      });
      await proxy.cut();
      expect(await outcome(docs.get(['a']))).toMatchObject({ error: { code: 'unavailable', retryable: true } });
      expect(await outcome(docs.upsert(batch('x')))).toMatchObject({ error: { code: 'unavailable', applied: 'no' } });
      expect(await outcome(docs.delete(['a']))).toMatchObject({ error: { code: 'unavailable' } });
      await proxy.restore();
      expect((await docs.get(['a']))[0]?.metadata).toEqual({ n: 1 });
    }));

  it('ends calls on a hung socket at their deadline or by their signal', () =>
    throughProxy(async (docs, proxy) => {
      proxy.stall();
      const start = performance.now();
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 200);
      const ends = await Promise.all([
        outcome(docs.search({ vector: [1, 1] }, { timeoutMs: 300 })),
        outcome(docs.upsert(batch('x'), { timeoutMs: 300 })),
        outcome(docs.upsert([{ id: 'e', vector: [1, 1] }], { signal: controller.signal })),
      ]);
      expect(ends).toMatchObject([
        { error: { code: 'timeout' } },
        { error: { code: 'timeout', applied: 'unknown' } },
        { error: { code: 'aborted', applied: 'unknown' } },
      ]);
      expect(performance.now() - start).toBeLessThan(5000);
      proxy.resume();
      expect((await docs.get(['a'], { timeoutMs: 5000 }))[0]?.id).toBe('a');
    }));
});
