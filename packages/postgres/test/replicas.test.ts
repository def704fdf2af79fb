import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy } from '@storage/services';
import { onService, randomName, throughPort } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres, type PostgresBackend, type PostgresOptions } from '../src/index.ts';

// A busy machine's share.
jest.setTimeout(30_000);

await onService('postgres-replica', async (service) => {
  const { url, nodes } = service;
  const primaryPort = Number(new URL(url).port);
  const standbyPort = Number(nodes[1]?.split(':')[1]);
  const standby = throughPort(url, standbyPort);
  const watching = { primary: new pg.Client(url), standby: new pg.Client(standby) };
  const schemas = new Map<Backend, string>();
  const proxies = [await createProxy({ port: primaryPort }), await createProxy({ port: standbyPort })] as const;

  beforeAll(async () => {
    // One that is lost is told by its statements.
    for (const client of Object.values(watching)) client.on('error', () => undefined);
    await watching.primary.connect();
    await watching.standby.connect();
  });

  afterAll(async () => {
    await watching.standby.query('SELECT pg_wal_replay_resume()');
    for (const schema of schemas.values()) await drop(schema);
    await watching.primary.end();
    await watching.standby.end();
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  }, 60_000);

  /** Resolves when the standby shows what the primary has acknowledged. */
  async function settle(): Promise<void> {
    const { rows } = await watching.primary.query<{ at: string }>('SELECT pg_current_wal_flush_lsn() AS at');
    const text = 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there';
    for (const end = Date.now() + 10_000; Date.now() < end; await delay(1)) {
      const shown = await watching.standby.query<{ there: boolean }>({ name: 'shown', text, values: [rows[0]?.at] });
      if (shown.rows[0]?.there) return;
    }
    throw new Error('The standby did not catch up.');
  }

  async function drop(schema: string): Promise<void> {
    await watching.primary.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  }

  function create(replicas: readonly string[], options: PostgresOptions = {}): PostgresBackend {
    const schema = options.schema ?? randomName('replicas');
    const backend = createPostgres({ url, replicas, ...options, schema });
    schemas.set(backend, schema);
    return backend;
  }

  describe('replicas of PostgreSQL', () => {
    it('answers stale reads from the replica, others and writes from the primary', async () => {
      await using backend = create([standby]);
      await backend.open();
      const { records, stale } = backend;
      expect([backend.capabilities.consistency, stale.capabilities.consistency]).toEqual(['strong', 'eventual']);
      await records.store('a', 1);
      await settle();
      await watching.standby.query('SELECT pg_wal_replay_pause()');
      try {
        await stale.records.store('a', 2);
        expect((await records.retrieve('a'))?.data).toBe(2);
        expect((await stale.records.retrieve('a'))?.data).toBe(1);
        expect(await stale.records.count({ filter: { data: 1 } as never })).toBe(1);
      } finally {
        await watching.standby.query('SELECT pg_wal_replay_resume()');
      }
      await settle();
      expect((await stale.records.retrieve('a'))?.data).toBe(2);
    });

    it('asks the primary while all replicas are down, and the replica again afterwards', async () => {
      await using proxy = await createProxy({ port: standbyPort });
      await using backend = create([throughPort(url, proxy.port), 'postgres://127.0.0.1:9/nothing']);
      await backend.open();
      await backend.records.store('a', 1);
      await settle();
      expect((await backend.stale.records.retrieve('a'))?.data).toBe(1);
      expect(proxy.connections).toBeGreaterThan(0);
      await proxy.cut();
      await backend.records.store('a', 2);
      for (let round = 0; round < 5; round++) expect((await backend.stale.records.retrieve('a'))?.data).toBe(2);
      const down = await backend.health();
      expect(down).toMatchObject({ status: 'degraded', message: expect.stringContaining('2 of 2 replicas') });
      await proxy.restore();
      await delay(2100);
      await settle();
      expect((await backend.stale.records.retrieve('a'))?.data).toBe(2);
      expect(proxy.connections).toBeGreaterThan(0);
    });

    it('tells in health how far the replicas are behind', async () => {
      await using backend = create([standby]);
      await backend.open();
      await settle();
      const { status, details } = await backend.health();
      expect(status).toBe('healthy');
      expect(details['replicas']).toEqual([{ where: expect.stringContaining(String(standbyPort)), lagMs: 0 }]);
      expect(JSON.stringify(details)).not.toContain('postgres:postgres');
    });

    it('reads from the primary where there are no replicas', async () => {
      await using backend = create([]);
      await backend.open();
      expect(backend.stale.capabilities.consistency).toBe('strong');
      await backend.stale.records.store('a', 1);
      expect((await backend.stale.records.retrieve('a'))?.data).toBe(1);
    });

    it.each([
      ['standby' as never, 'replicas'],
      [['nonsense'], 'replicas[0]'],
      [[url, 'redis://127.0.0.1'], 'replicas[1]'],
    ])('refuses replicas that are no URLs', (replicas, path) => {
      expect(() => createPostgres({ url, replicas })).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details: { path } }),
      );
    });
  });

  /** The stale view as a backend of its own, for the kit. */
  function staleBackend(clock?: () => number, schema?: string): Backend {
    const [primary, replica] = proxies.map(({ port }) => throughPort(url, port));
    const backend = create([replica ?? ''], { url: primary, clock, schema });
    const view: Backend = {
      name: backend.name,
      capabilities: { ...backend.stale.capabilities, messaging: false, transactions: false, facets: [] },
      records: backend.stale.records,
      facet: () => undefined,
      open: (options) => backend.open(options),
      close: (options) => backend.close(options),
      health: (options) => backend.health(options),
      [Symbol.asyncDispose]: () => backend.close(),
    };
    schemas.set(view, schemas.get(backend) ?? '');
    schemas.delete(backend);
    return view;
  }

  runConformance({
    runner: { describe, it, before: beforeAll, after: afterAll },
    name: 'postgres-stale',
    server: { name: service.server, version: service.version, how: service.how },
    capabilities: staleBackend().capabilities,
    clock: true,
    create: ({ clock }) => staleBackend(clock),
    reopen: (backend, { clock }) => staleBackend(clock, schemas.get(backend)),
    destroy: async (backend) => {
      await drop(schemas.get(backend) ?? '');
      schemas.delete(backend);
    },
    settle,
    outage: {
      begin: async () => {
        for (const proxy of proxies) await proxy.cut();
      },
      end: async () => {
        for (const proxy of proxies) await proxy.restore();
      },
    },
  });
});
