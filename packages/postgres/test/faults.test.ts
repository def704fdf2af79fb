import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { outcome } from '@storage/core';
import { checkLedger, runLedger } from '@storage/faults';
import { createProxy, type FaultProxy, type OwnService, startOwn } from '@storage/services';
import { onOwnService } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres, type PostgresBackend } from '../src/index.ts';
import { randomName, throughPort } from './own-schema.ts';

// A busy machine's share.
jest.setTimeout(30_000);

await onOwnService('postgres', () => {
  let server: OwnService;
  let proxy: FaultProxy;

  beforeAll(async () => {
    server = await startOwn('postgres', { durable: true });
    proxy = await createProxy({ port: Number(new URL(server.url).port) });
  }, 60_000);

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }, 60_000);

  /** A backend on the server itself, or behind the proxy, in a schema that goes with the server. */
  async function openBackend(
    through: 'server' | 'proxy',
    schema: string = randomName('faults'),
  ): Promise<PostgresBackend> {
    const url = through === 'server' ? server.url : throughPort(server.url, proxy.port);
    const backend = createPostgres({ url, schema, applicationName: schema, poolSize: 8 });
    await backend.open();
    return backend;
  }

  async function connectionsOf(application: string): Promise<number> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      const text = 'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1';
      return Number((await client.query<{ count: number }>(text, [application])).rows[0]?.count);
    } finally {
      await client.end();
    }
  }

  async function until(ask: () => Promise<boolean>): Promise<boolean> {
    for (const end = Date.now() + 10_000; Date.now() < end; await delay(50)) if (await ask()) return true;
    return false;
  }

  describe('faults between PostgreSQL and the backend', () => {
    it('survives a stop and a start of the server', async () => {
      await using backend = await openBackend('server');
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
      expect((await backend.records.retrieve('a'))?.data).toBe(1);
      expect(await backend.records.retrieve('b')).toBeUndefined();
      await backend.records.store('b', 2);
    });

    it('says that a write may have been applied when its connection is cut before the request', async () => {
      await using backend = await openBackend('proxy');
      proxy.onNext('before-request', 'token-before');
      const ended = await outcome(backend.records.store('a', 'token-before', { timeoutMs: 5000 }));
      expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
      expect(await backend.records.retrieve('a')).toBeUndefined();
    });

    it('says the same when the reply is lost, and does not send the write again', async () => {
      await using backend = await openBackend('proxy');
      const struck = proxy.struck;
      proxy.onNext('after-request', 'token-after');
      const ended = await outcome(backend.records.store('a', 'token-after', { timeoutMs: 5000 }));
      expect(ended).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'unknown' } });
      expect(proxy.struck).toBe(struck + 1);
      expect((await backend.records.retrieve('a'))?.data).toBe('token-after');
    });

    it('finds its own conditional write when the reply is lost', async () => {
      await using backend = await openBackend('proxy');
      const first = 'token-absent';
      proxy.onNext('after-request', first);
      const { etag } = await backend.records.store('a', first, { ifAbsent: true, timeoutMs: 5000 });
      expect((await backend.records.retrieve('a'))?.etag).toBe(etag);
      proxy.onNext('after-request', 'token-match');
      const second = await backend.records.store('a', 'token-match', { ifMatch: etag, timeoutMs: 5000 });
      expect(await backend.records.retrieve('a')).toMatchObject({ etag: second.etag, data: 'token-match' });
      proxy.onNext('before-request', 'token-third');
      const third = await backend.records.store('a', 'token-third', { ifMatch: second.etag, timeoutMs: 5000 });
      expect(await backend.records.retrieve('a')).toMatchObject({ etag: third.etag, data: 'token-third' });
    });

    it('reads again when a reply to a read is lost', async () => {
      await using backend = await openBackend('proxy');
      await backend.records.store('key-of-the-read', 1);
      proxy.onNext('after-request', 'key-of-the-read');
      expect((await backend.records.retrieve('key-of-the-read', { timeoutMs: 5000 }))?.data).toBe(1);
    });

    it('ends calls on a stalled socket at their deadline, and goes on when it moves again', async () => {
      await using backend = await openBackend('proxy');
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
      await using backend = await openBackend('proxy');
      for (let round = 0; round < 5; round++) {
        const data = `token-garbage-${round}`;
        proxy.onNext('garbage', data);
        const ended = await outcome(backend.records.store('a', data, { timeoutMs: 2000 }));
        expect(ended).toMatchObject({ ok: false, error: { applied: 'unknown' } });
        if (!ended.ok) expect(['unavailable', 'timeout']).toContain(ended.error.code);
        expect(await backend.records.retrieve('a')).toBeUndefined();
      }
    });

    it('keeps its word while connections are cut and stalled under 32 writers, and leaks nothing', async () => {
      const backend = await openBackend('proxy');
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
      await using fresh = await openBackend('server', backend.schema);
      const report = await checkLedger(run.ledger, fresh.records);
      expect(report.violations).toEqual([]);
      expect(report.unknown).toBeGreaterThan(0);
      expect(backend.pool.totalCount).toBeLessThanOrEqual(8);
      expect(backend.pool.waitingCount).toBe(0);
      await backend.close();
      await fresh.close();
      expect(await until(async () => proxy.connections === 0)).toBe(true);
      expect(await until(async () => (await connectionsOf(backend.schema)) === 0)).toBe(true);
    }, 120_000);

    it('keeps what it acknowledged when the server is killed under 32 writers, ten times', async () => {
      await using backend = await openBackend('server');
      const run = runLedger({ records: backend.records, timeoutMs: 2000 });
      for (let round = 0; round < 10; round++) {
        await run.acknowledged(150, 30_000);
        await server.kill();
        await server.start();
      }
      await run.acknowledged(150, 30_000);
      await run.stop();
      await using fresh = await openBackend('server', backend.schema);
      const report = await checkLedger(run.ledger, fresh.records);
      expect(report.violations).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(1650);
      expect(report.unknown).toBeGreaterThan(0);
      expect(backend.pool.totalCount).toBeLessThanOrEqual(8);
    }, 180_000);

    it('leaves no listener on a signal', async () => {
      await using backend = await openBackend('server');
      const { signal } = new AbortController();
      for (let index = 0; index < 50; index++) {
        await backend.records.store(`k${index}`, index, { signal });
        await backend.records.retrieve(`k${index}`, { signal, timeoutMs: 5000 });
      }
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });
  });
});
