// What happens on the server: its clock, cancelled statements, sweeps.
import { afterAll, describe, expect, it } from '@jest/globals';
import { outcome } from '@storage/core';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import { postgresTexts } from '@storage/sql';
import { PostgresPool, PostgresPoolSession, postgresTranslator } from '@storage/sql/pg';
import pg from 'pg';
import { createPostgres, type PostgresBackend, type PostgresOptions } from '../src/index.ts';
import { postgresSettings } from '../src/postgres-options.ts';
import { PostgresRecordRows } from '../src/postgres-record-rows.ts';
import { PostgresSweep } from '../src/postgres-sweep.ts';

await onService('postgres', ({ url }) => {
  const made: string[] = [];
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  async function opened(options: PostgresOptions = {}): Promise<PostgresBackend> {
    const schema = options.schema ?? randomName('side');
    made.push(schema);
    const backend = createPostgres({ url, schema, ...options });
    await backend.open();
    return backend;
  }

  async function rows(text: string, values: unknown[] = []): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  afterAll(() => dropSchemas(url, made), 30_000);

  describe('the clock of the server', () => {
    it('judges expiry, whatever this machine thinks the time is', async () => {
      await using backend = await opened();
      const { records } = backend;
      const info = await records.store('a', 1, { ttlMs: 1000 });
      expect((info.expiresAt?.getTime() ?? 0) - info.updatedAt.getTime()).toBe(1000);
      await records.store('b', 1);
      expect((await records.list()).items.map(({ key }) => key)).toEqual(['a', 'b']);
      await wait(1100);
      expect(await records.retrieve('a')).toBeUndefined();
      expect(await records.exists('a')).toBe(false);
      expect(await records.count()).toBe(1);
      expect((await records.list()).items.map(({ key }) => key)).toEqual(['b']);
      expect(await records.touch('a', { ttlMs: null })).toBe(false);
      expect(await records.delete('a')).toBe(false);
      expect(await rows(`SELECT key FROM ${backend.schema}.storage_records ORDER BY key`)).toHaveLength(2);
      const again = await records.store('a', 2, { ifAbsent: true });
      expect(again.createdAt?.getTime()).toBeGreaterThanOrEqual(info.expiresAt?.getTime() ?? 0);
    });

    it('tells times that are those of the rows', async () => {
      await using backend = await opened();
      const info = await backend.records.store('a', 1);
      const second = await backend.records.store('a', 2);
      expect(second.createdAt).toEqual(info.createdAt);
      expect((await backend.records.retrieve('a'))?.updatedAt).toEqual(second.updatedAt);
      const [{ now }] = (await rows('SELECT now()')) as [{ now: Date }];
      expect(Math.abs(now.getTime() - second.updatedAt.getTime())).toBeLessThan(10_000);
    });
  });

  describe('a statement whose time is over', () => {
    it('is cancelled on the server, and says that nothing was applied', async () => {
      await using backend = await opened({ applicationName: 'storage-cancel' });
      await backend.records.store('a', 1);
      const waiting = "SELECT pid FROM pg_stat_activity WHERE application_name = 'storage-cancel' AND state = 'active'";
      const blocker = new pg.Client({ connectionString: url });
      await blocker.connect();
      await blocker.query(`BEGIN; UPDATE ${backend.schema}.storage_records SET size = size`);
      for (const bounds of [{ timeoutMs: 200 }, { signal: AbortSignal.timeout(200) }]) {
        const startedAt = performance.now();
        const end = await outcome(backend.records.touch('a', { ttlMs: 5000, ...bounds }));
        // Whoever gave up first says what is known then.
        expect(end).toMatchObject({ ok: false, error: { applied: expect.stringMatching(/^(no|unknown)$/) } });
        expect(performance.now() - startedAt).toBeLessThan(3000);
        const calledAt = performance.now();
        const batch = await outcome(backend.records.deleteMany(['a'], { timeoutMs: 200 }));
        expect(batch).toMatchObject({ ok: false, error: { code: 'timeout', retryable: true } });
        // Unless the server took its time to say so.
        const known = performance.now() - calledAt < 450;
        expect(batch.ok ? undefined : batch.error.applied).toMatch(known ? /^no$/ : /^(no|unknown)$/);
      }
      for (let attempt = 0; attempt < 50 && (await rows(waiting)).length > 0; attempt++) await wait(100);
      expect(await rows(waiting)).toEqual([]);
      await blocker.query('ROLLBACK');
      await blocker.end();
      const read = await backend.records.retrieve('a');
      expect([read?.data, read?.expiresAt]).toEqual([1, undefined]);
      // The connections that were cancelled are as good as before.
      for (let round = 0; round < 50; round++) await backend.records.store('a', round);
      expect((await backend.records.retrieve('a'))?.data).toBe(49);
    }, 30_000);

    it('never hits the statement that comes next on its connection', async () => {
      await using backend = await opened({ poolSize: 1 });
      for (let round = 0; round < 100; round++) {
        const controller = new AbortController();
        const write = backend.records.storeMany(
          Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, data: round })),
          { signal: controller.signal },
        );
        setTimeout(() => controller.abort(), Math.random() * 5);
        const [end, next] = await Promise.all([outcome(write), outcome(backend.records.count())]);
        if (!end.ok) expect(end.error).toMatchObject({ code: 'aborted' });
        expect(next.ok).toBe(true);
      }
    }, 30_000);
  });

  describe('transactions', () => {
    it('undoes a body whose time is over, and frees its rows', async () => {
      await using backend = await opened();
      await backend.records.store('a', 1);
      const end = await outcome(
        backend.transactions.with(
          async ({ records }) => {
            await records.store('a', 2);
            await wait(2000);
          },
          { timeoutMs: 200 },
        ),
      );
      expect(end).toMatchObject({ ok: false, error: { code: 'timeout', applied: 'no' } });
      await backend.records.store('a', 3, { timeoutMs: 1000 });
      expect((await backend.records.retrieve('a'))?.data).toBe(3);
    });

    it('says that nothing was applied when the server ends the connection of a body', async () => {
      await using backend = await opened({ applicationName: 'storage-ended' });
      const end = await outcome(
        backend.transactions.with(async ({ records }) => {
          await records.store('a', 2);
          await rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'storage-ended' AND state = 'idle in transaction'",
          );
          await wait(50);
          await records.store('b', 2);
        }),
      );
      expect(end).toMatchObject({ ok: false, error: { code: 'unavailable', applied: 'no', retryable: true } });
      expect(await backend.records.count()).toBe(0);
    });
  });

  describe('sweeps', () => {
    async function sweepOf(schema: string): Promise<{ readonly sweep: PostgresSweep; readonly pool: PostgresPool }> {
      const pool = new PostgresPool(postgresSettings({ url, schema }));
      await pool.open();
      const session = new PostgresPoolSession(pool, postgresTranslator('here'));
      const sweep = new PostgresSweep(new PostgresRecordRows(session, postgresTexts(schema, 'test'), undefined), () =>
        Promise.resolve(),
      );
      return { sweep, pool };
    }
    const call = { signal: undefined, deadline: undefined, check: () => undefined };

    it('removes what is expired, a bounded number at a time, and may meet another', async () => {
      await using backend = await opened();
      const { schema, records } = backend;
      const items = Array.from({ length: 1200 }, (_, index) => ({ key: `k${index}`, data: 1, ttlMs: 60_000 }));
      await records.storeMany([...items, { key: 'kept', data: 1 }, { key: 'later', data: 1, ttlMs: 3_600_000 }]);
      await rows(`UPDATE ${schema}.storage_records SET expires_at = 1 WHERE key LIKE 'k%' AND key <> 'kept'`);
      const { sweep, pool } = await sweepOf(schema);
      const more = await Promise.all([sweep.sweep(call), sweep.sweep(call)]);
      expect(more).toContain(true);
      while (await sweep.sweep(call));
      expect(await rows(`SELECT key FROM ${schema}.storage_records ORDER BY key`)).toEqual([
        { key: 'kept' },
        { key: 'later' },
      ]);
      expect(await sweep.sweep(call)).toBe(false);
      await pool.close();
    });

    it('removes the chunks of streams that no record names, after their grace and not before', async () => {
      await using backend = await opened();
      const { schema, records } = backend;
      async function* chunks(): AsyncIterable<Uint8Array> {
        for (let chunk = 0; chunk < 3; chunk++) yield new Uint8Array(262_144).fill(chunk);
      }
      await records.storeStream('replaced', chunks());
      await records.storeStream('deleted', chunks());
      await records.storeStream('kept', chunks());
      await records.store('replaced', 1);
      await records.delete('deleted');
      const count = async (): Promise<unknown> =>
        (await rows(`SELECT count(*)::int AS n FROM ${schema}.storage_chunks`))[0];
      const { sweep, pool } = await sweepOf(schema);
      await sweep.sweep(call);
      expect(await count()).toEqual({ n: 9 });
      await rows(`UPDATE ${schema}.storage_streams SET retired_at = retired_at - 600000`);
      await Promise.all([sweep.sweep(call), sweep.sweep(call)]);
      expect(await count()).toEqual({ n: 3 });
      expect((await records.retrieve<Uint8Array>('kept'))?.data.byteLength).toBe(3 * 262_144);
      await pool.close();
    });

    it('happens by itself behind writes', async () => {
      await using backend = await opened();
      const { schema, records } = backend;
      await records.store('first', 1);
      await rows(`UPDATE ${schema}.storage_records SET expires_at = 1`);
      await using second = createPostgres({ url, schema });
      await second.open();
      await second.records.store('other', 1);
      for (let attempt = 0; attempt < 50; attempt++) {
        if ((await rows(`SELECT key FROM ${schema}.storage_records`)).length === 1) break;
        await wait(50);
      }
      expect(await rows(`SELECT key FROM ${schema}.storage_records`)).toEqual([{ key: 'other' }]);
    });
  });

  describe('names', () => {
    it.each(['We ird"schema\'s', 'storage_records', 'ünï'])('keeps its tables in the schema %j', async (name) => {
      const schema = `${name} ${randomName('n')}`;
      await using backend = await opened({ schema, fields: ['data.a', `data.${'long'.repeat(20)}`] });
      await backend.records.namespace('x').store('a', { a: 1 });
      expect((await backend.records.namespace('x').query({ filter: { 'data.a': 1 } })).items).toHaveLength(1);
      expect(await backend.records.namespaces()).toEqual({ items: ['x'] });
      await using again = await opened({ schema, migrate: 'verify', fields: ['data.a', `data.${'long'.repeat(20)}`] });
      expect(await again.records.namespace('x').count()).toBe(1);
    });

    it('works without named statements, as behind a pooler', async () => {
      await using backend = await opened({ namedStatements: false });
      await backend.records.storeMany([
        { key: 'a', data: 1 },
        { key: 'b', data: 2 },
      ]);
      for (let round = 0; round < 12; round++) expect((await backend.records.list()).items).toHaveLength(2);
      expect(await rows('SELECT 1 FROM pg_prepared_statements')).toEqual([]);
    });

    it('shares a given pool with stores in other schemas, and leaves it open', async () => {
      const pool = new pg.Pool({ connectionString: url, max: 2 });
      const [one, two] = [randomName('one'), randomName('two')];
      made.push(one, two);
      const first = createPostgres({ pool, schema: one });
      const second = createPostgres({ pool, schema: two });
      await Promise.all([first.open(), second.open()]);
      await Promise.all([first.records.store('a', 1), second.records.store('a', 2)]);
      for (let round = 0; round < 10; round++) {
        expect((await first.records.retrieve('a'))?.data).toBe(1);
        expect((await second.records.retrieve('a'))?.data).toBe(2);
      }
      await first.close();
      await second.close();
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      await pool.end();
    });
  });
});
