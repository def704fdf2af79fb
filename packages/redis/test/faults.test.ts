import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { outcome } from '@storage/core';
import { checkLedger, runLedger } from '@storage/faults';
import { createProxy, type FaultProxy, type OwnService, startOwn } from '@storage/services';
import { onOwnService } from '@storage/services/testing';
import { Redis } from 'ioredis';
import { createRedis, type RedisBackend, type RedisOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';

await onOwnService('redis', () => {
  let server: OwnService;
  let proxy: FaultProxy;

  beforeAll(async () => {
    server = await startOwn('redis', { durable: true });
    proxy = await createProxy({ port: Number(new URL(server.url).port) });
  }, 60_000);

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }, 60_000);

  async function openBackend(through: 'server' | 'proxy', options: RedisOptions = {}): Promise<RedisBackend> {
    const port = through === 'server' ? Number(new URL(server.url).port) : proxy.port;
    const backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix(), ...options });
    await backend.open();
    return backend;
  }

  async function until(ask: () => Promise<boolean>): Promise<boolean> {
    for (const end = Date.now() + 10_000; Date.now() < end; await delay(50)) if (await ask()) return true;
    return false;
  }

  async function recovered({ records }: RedisBackend): Promise<boolean> {
    return until(async () => (await outcome(records.exists('any', { timeoutMs: 1000 }))).ok);
  }

  /** Connections to the server besides the one that asks. */
  async function connections(): Promise<number> {
    const client = new Redis(server.url);
    try {
      return (
        String(await client.client('LIST'))
          .trim()
          .split('\n').length - 1
      );
    } finally {
      client.disconnect();
    }
  }

  describe.each([
    ['with an index', {}],
    ['as a cache', { index: false }],
  ] as const)('faults between Redis and a store %s', (_name, options) => {
    it('survives a stop and a start of the server', async () => {
      await using backend = await openBackend('server', options);
      await backend.records.store('a', 1);
      await server.stop();
      const down = await outcome(backend.records.store('b', 2, { timeoutMs: 5000 }));
      expect(down).toMatchObject({ ok: false, error: { code: 'unavailable', retryable: true } });
      expect(await outcome(backend.records.retrieve('a', { timeoutMs: 5000 }))).toMatchObject({
        ok: false,
        error: { code: 'unavailable' },
      });
      expect((await backend.health()).status).toBe('unhealthy');
      await server.start();
      expect(await recovered(backend)).toBe(true);
      expect((await backend.records.retrieve('a'))?.data).toBe(1);
      expect(await backend.records.retrieve('b')).toBeUndefined();
      await backend.records.store('b', 2);
    });

    it('says that a write may have been applied when its connection is cut before the request', async () => {
      await using backend = await openBackend('proxy', options);
      proxy.onNext('before-request', 'token-before');
      const ended = await outcome(backend.records.store('a', 'token-before', { timeoutMs: 5000 }));
      expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
      expect(await recovered(backend)).toBe(true);
      expect(await backend.records.retrieve('a')).toBeUndefined();
    });

    it('says the same when the reply is lost, and does not send the write again', async () => {
      await using backend = await openBackend('proxy', options);
      const struck = proxy.struck;
      proxy.onNext('after-request', 'token-after');
      const ended = await outcome(backend.records.store('a', 'token-after', { timeoutMs: 5000 }));
      expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
      expect(proxy.struck).toBe(struck + 1);
      expect(await recovered(backend)).toBe(true);
      expect((await backend.records.retrieve('a'))?.data).toBe('token-after');
    });

    it('finds its own conditional write when the reply is lost', async () => {
      await using backend = await openBackend('proxy', options);
      // A server that does not know the script yet is asked twice.
      await backend.records.store('first', 0, { ifAbsent: true });
      proxy.onNext('after-request', 'token-absent');
      const { etag } = await backend.records.store('a', 'token-absent', { ifAbsent: true, timeoutMs: 5000 });
      expect((await backend.records.retrieve('a'))?.etag).toBe(etag);
      proxy.onNext('after-request', 'token-match');
      const second = await backend.records.store('a', 'token-match', { ifMatch: etag, timeoutMs: 5000 });
      expect(await backend.records.retrieve('a')).toMatchObject({ etag: second.etag, data: 'token-match' });
    });

    it('reads again when the reply to a read is lost', async () => {
      await using backend = await openBackend('proxy', options);
      await backend.records.store('key-of-the-read', 1);
      proxy.onNext('after-request', 'key-of-the-read');
      expect((await backend.records.retrieve('key-of-the-read', { timeoutMs: 5000 }))?.data).toBe(1);
    });

    it('ends calls on a stalled socket at their deadline, and goes on when it moves again', async () => {
      await using backend = await openBackend('proxy', options);
      await backend.records.store('a', 1);
      proxy.stall();
      const start = performance.now();
      const [stored, read] = await Promise.all([
        outcome(backend.records.store('a', 2, { timeoutMs: 300 })),
        outcome(backend.records.retrieve('b', { timeoutMs: 300 })),
      ]);
      expect(performance.now() - start).toBeLessThan(2000);
      expect(stored).toMatchObject({ ok: false, error: { code: 'timeout' } });
      expect(read).toMatchObject({ ok: false, error: { code: 'timeout' } });
      proxy.resume();
      await backend.records.store('c', 3, { timeoutMs: 5000 });
      expect((await backend.records.retrieve('c'))?.data).toBe(3);
    });

    it('takes garbage for a lost connection', async () => {
      await using backend = await openBackend('proxy', options);
      for (let round = 0; round < 5; round++) {
        const data = `token-garbage-${round}`;
        proxy.onNext('garbage', data);
        const ended = await outcome(backend.records.store('a', data, { timeoutMs: 2000 }));
        expect(ended).toMatchObject({ ok: false, error: { applied: 'unknown' } });
        if (!ended.ok) expect(['unavailable', 'timeout']).toContain(ended.error.code);
        expect(await recovered(backend)).toBe(true);
        expect(await backend.records.retrieve('a')).toBeUndefined();
      }
    });

    it('keeps its word while connections are cut and stalled under 32 writers, and leaks nothing', async () => {
      const prefix = freshPrefix();
      const before = await connections();
      const backend = await openBackend('proxy', { ...options, prefix });
      const run = runLedger({ records: backend.records, timeoutMs: 1000 });
      for (let round = 0; round < 5; round++) {
        await run.acknowledged(100, 20_000);
        await proxy.cut();
        await delay(100);
        await proxy.restore();
        await run.acknowledged(100, 20_000);
        proxy.stall();
        await delay(1200);
        proxy.resume();
        for (const fault of ['before-request', 'after-request', 'after-request', 'garbage'] as const)
          proxy.onNext(fault);
      }
      await run.acknowledged(100, 20_000);
      await run.stop();
      await using fresh = await openBackend('server', { ...options, prefix });
      const report = await checkLedger(run.ledger, fresh.records);
      expect(report.violations).toEqual([]);
      expect(report.unknown).toBeGreaterThan(0);
      await backend.close();
      await fresh.close();
      expect(await until(async () => proxy.connections === 0)).toBe(true);
      expect(await until(async () => (await connections()) <= before)).toBe(true);
    }, 120_000);

    it('keeps what it acknowledged when the server is killed under 32 writers, ten times', async () => {
      const prefix = freshPrefix();
      await using backend = await openBackend('server', { ...options, prefix });
      const run = runLedger({ records: backend.records, timeoutMs: 2000 });
      for (let round = 0; round < 10; round++) {
        await run.acknowledged(150, 30_000);
        await server.kill();
        await server.start();
      }
      await run.acknowledged(150, 30_000);
      await run.stop();
      await using fresh = await openBackend('server', { ...options, prefix });
      const report = await checkLedger(run.ledger, fresh.records);
      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(1650);
      expect(report.unknown).toBeGreaterThan(0);
    }, 180_000);
  });

  it('leaves no listener on a signal', async () => {
    await using backend = await openBackend('server');
    const { signal } = new AbortController();
    for (let index = 0; index < 50; index++) {
      await backend.records.store(`k${index}`, index, { signal });
      await backend.records.retrieve(`k${index}`, { signal, timeoutMs: 5000 });
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('listens again after a lost connection, and tells of the gap', async () => {
    await using backend = await openBackend('proxy');
    const subscription = await backend.messaging.subscribe('news');
    const events = subscription[Symbol.asyncIterator]();
    await backend.messaging.publish('news', 1);
    expect((await events.next()).value).toMatchObject({ type: 'message', data: 1 });
    await proxy.cut();
    await delay(300);
    await proxy.restore();
    expect((await events.next()).value).toEqual({ type: 'gap', channel: 'news', reason: 'reconnected' });
    expect(await recovered(backend)).toBe(true);
    await backend.messaging.publish('news', 2);
    expect((await events.next()).value).toMatchObject({ type: 'message', data: 2 });
  });

  it('opens one store from twenty clients at once', async () => {
    const prefix = freshPrefix();
    const opened = await Promise.all(Array.from({ length: 20 }, () => openBackend('server', { prefix })));
    expect((await opened[0]?.records.store('a', 1))?.key).toBe('a');
    await Promise.all(opened.map((backend) => backend.close()));
  });
});
