// What happens between processes, in the middle of calls, and where something is missing.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { outcome, type StorageError } from '@storage/core';
import { hybridSearchFacet } from '@storage/domain';
import { createProxy } from '@storage/services';
import { onService, randomName, throughPort } from '@storage/services/testing';
import pg from 'pg';
import { createPgvector, type PgvectorOptions } from '../src/index.ts';
import { clustered, Stores } from './harness.ts';

// An index that is built beside other work waits for every statement of the database, those of other tests too.
jest.setTimeout(60_000);

await onService('postgres', ({ url }) => {
  const stores = new Stores(url);
  const { hostname, port } = new URL(url);

  async function refusal(options: PgvectorOptions): Promise<StorageError> {
    await using backend = createPgvector(options);
    const end = await outcome(backend.open({ timeoutMs: 5000 }));
    if (end.ok) throw new Error('It was opened.');
    return end.error;
  }

  describe('two processes', () => {
    it('follow one another when a collection is deleted and made again', async () => {
      const one = await stores.open();
      const other = await stores.open({ schema: one.schema });
      await one.vectors.createCollection('c', { dimension: 2, metadata: { version: 1 } });
      const mine = one.vectors.collection('c');
      await mine.upsert([{ id: 'a', vector: [1, 2] }]);
      await other.vectors.deleteCollection('c');
      for (const work of [
        () => mine.upsert([{ id: 'a', vector: [1, 2] }]),
        () => mine.search({ vector: [1, 2] }),
        () => mine.get(['a']),
        () => mine.delete(['a']),
        () => mine.count(),
        () => mine.deleteWhere({}),
        () => mine.dropNamespace(),
      ])
        expect(await outcome<unknown>(work())).toMatchObject({ ok: false, error: { code: 'not_found' } });
      await one.vectors.createCollection('c', { dimension: 2 });
      await mine.upsert([{ id: 'a', vector: [1, 2] }]);
      await other.vectors.deleteCollection('c');
      await other.vectors.createCollection('c', { dimension: 3, metric: 'euclidean', metadata: { version: 2 } });
      // What was known of it has another dimension.
      await mine.upsert([{ id: 'b', vector: [1, 2, 3] }]);
      expect((await mine.search({ vector: [1, 2, 4] }))[0]).toMatchObject({ document: { id: 'b' }, score: -1 });
      expect(await one.vectors.getCollection('c')).toMatchObject({ dimension: 3, metadata: { version: 2 }, count: 1 });
      expect(await outcome(mine.upsert([{ id: 'c', vector: [1, 2] }]))).toMatchObject({
        ok: false,
        error: { code: 'invalid_argument', applied: 'no' },
      });
    });

    it('store overlapping batches, with no deadlock for anybody', async () => {
      const first = await stores.open({ poolSize: 16 });
      const backends = [first, await stores.open({ schema: first.schema, poolSize: 16 })];
      await first.vectors.createCollection('c', { dimension: 4 });
      const end = performance.now() + 3000;
      const write = async (writer: number): Promise<void> => {
        for (let turn = writer; performance.now() < end; turn++) {
          const collection = backends[writer % 2]?.vectors.collection('c');
          const ids = Array.from({ length: 20 }, () => `id-${Math.floor(Math.random() * 200)}`);
          const documents = ids.map((id) => ({ id, vector: [1, turn, writer, 1], metadata: { writer } }));
          if (turn % 4 === 0) await collection?.delete(ids);
          else if (turn % 4 === 1) await collection?.deleteWhere({ writer: writer % 8 } as never);
          else if (turn % 4 === 2) await Promise.all(documents.map(async (document) => collection?.upsert([document])));
          else await collection?.upsert(documents);
        }
      };
      await Promise.all(Array.from({ length: 32 }, (_, writer) => write(writer)));
    });
  });

  describe('a call that is over', () => {
    it('is ended on the server', async () => {
      const backend = await stores.open({ applicationName: randomName('app') });
      await backend.vectors.createCollection('c', { dimension: 2 });
      const collection = backend.vectors.collection('c');
      await collection.upsert([{ id: 'a', vector: [1, 2] }]);
      const [row] = await stores.rows<{ table: string }>(
        "SELECT c.oid::regclass::text AS table FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname ~ '^storage_vectors_[0-9]+$'",
        [backend.schema],
      );
      const holder = new pg.Client({ connectionString: url });
      await holder.connect();
      await holder.query(`BEGIN; LOCK TABLE ${row?.table} IN ACCESS EXCLUSIVE MODE`);
      try {
        const controller = new AbortController();
        const aborted = outcome<unknown>(collection.search({ vector: [1, 2] }, { signal: controller.signal }));
        const documents = ['b', 'c'].map((id) => ({ id, vector: [1, 2] }));
        const late = await outcome<unknown>(collection.upsert(documents, { timeoutMs: 200 }));
        expect(late).toMatchObject({ ok: false, error: { code: 'timeout', applied: 'no' } });
        // Who shares a statement with others does not wait to hear what became of it.
        const shared = await outcome<unknown>(collection.upsert(documents.slice(1), { timeoutMs: 200 }));
        expect(shared).toMatchObject({ ok: false, error: { code: 'timeout', applied: 'unknown' } });
        controller.abort();
        expect(await aborted).toMatchObject({ ok: false, error: { code: 'aborted' } });
        await delay(300);
        const waiting = await stores.rows(
          `SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`,
          [`${backend.schema}"."storage_vectors`],
        );
        expect(waiting).toEqual([]);
      } finally {
        await holder.query('ROLLBACK');
        await holder.end();
      }
      expect(await collection.count()).toBe(1);
    });
  });

  describe('a connection that is lost', () => {
    const opened = async () => {
      const proxy = await createProxy({ host: hostname, port: Number(port) });
      const backend = await stores.open({ url: throughPort(url, proxy.port), poolSize: 2 });
      await backend.vectors.createCollection('c', { dimension: 2 });
      const collection = backend.vectors.collection('c');
      await collection.upsert([{ id: 'a', vector: [1, 2] }]);
      return { proxy, backend, collection };
    };

    it('behind an upsert leaves it unknown, and its document is there', async () => {
      const { proxy, collection } = await opened();
      await using _proxy = proxy;
      proxy.onNext('after-request');
      expect(await outcome(collection.upsert([{ id: 'b', vector: [1, 2] }]))).toMatchObject({
        ok: false,
        error: { code: 'unavailable', applied: 'unknown' },
      });
      expect(proxy.struck).toBe(1);
      expect((await collection.get(['b']))[0]?.id).toBe('b');
    });

    it('before an upsert was read never says that it was applied', async () => {
      const { proxy, collection } = await opened();
      await using _proxy = proxy;
      proxy.onNext('before-request');
      const documents = ['b', 'c'].map((id) => ({ id, vector: [1, 2] }));
      const end = await outcome(collection.upsert(documents));
      expect(proxy.struck).toBe(1);
      expect(end).toMatchObject({ ok: false, error: { code: 'unavailable' } });
      expect(await collection.get(['b', 'c'])).toEqual([undefined, undefined]);
    });

    it('before a search is answered is none for its caller, who gets the answer of another', async () => {
      const { proxy, collection } = await opened();
      await using _proxy = proxy;
      proxy.onNext('after-request');
      expect(await collection.search({ vector: [1, 2] })).toHaveLength(1);
      expect(proxy.struck).toBe(1);
    });

    it('is unavailable while the server is away, and back with it', async () => {
      const { proxy, backend, collection } = await opened();
      await using _proxy = proxy;
      await proxy.cut();
      expect(await outcome(collection.search({ vector: [1, 2] }, { timeoutMs: 2000 }))).toMatchObject({
        ok: false,
        error: { code: 'unavailable', retryable: true },
      });
      expect((await backend.health({ timeoutMs: 2000 })).status).toBe('unhealthy');
      await proxy.restore();
      expect(await collection.search({ vector: [1, 2] })).toHaveLength(1);
    });

    it('ends a call in time where the socket hangs', async () => {
      const { proxy, collection } = await opened();
      await using _proxy = proxy;
      proxy.stall();
      const start = performance.now();
      expect(await outcome(collection.upsert([{ id: 'b', vector: [1, 2] }], { timeoutMs: 300 }))).toMatchObject({
        ok: false,
        error: { code: 'timeout', applied: 'unknown' },
      });
      expect(await outcome(collection.search({ vector: [1, 2] }, { timeoutMs: 300 }))).toMatchObject({
        ok: false,
        error: { code: 'timeout' },
      });
      expect(performance.now() - start).toBeLessThan(4000);
      proxy.resume();
      expect(await collection.search({ vector: [1, 2] })).not.toHaveLength(0);
    });
  });

  describe('the extension', () => {
    const databases: string[] = [];
    const roles: string[] = [];

    async function ownDatabase(...statements: readonly string[]): Promise<string> {
      const name = randomName('db');
      await stores.admin(`CREATE DATABASE ${name}`);
      databases.push(name);
      const there = new URL(url);
      there.pathname = `/${name}`;
      const client = new pg.Client({ connectionString: there.href });
      await client.connect();
      for (const statement of statements) await client.query(statement);
      await client.end();
      return there.href;
    }

    afterAll(async () => {
      for (const name of databases) await stores.admin(`DROP DATABASE ${name} WITH (FORCE)`);
      for (const name of roles) await stores.admin(`DROP ROLE ${name}`);
    });

    it('is made at open where that is allowed, and asked for where it is not to be', async () => {
      const own = await ownDatabase();
      const verified = await refusal({ url: own, migrate: 'verify' });
      expect(verified).toMatchObject({ code: 'version_mismatch' });
      expect(verified.message).toMatch(/superuser.*CREATE EXTENSION vector/);
      const name = randomName('role');
      roles.push(name);
      await stores.admin(`CREATE ROLE ${name} LOGIN PASSWORD 'other'`);
      const poor = new URL(own);
      poor.username = name;
      poor.password = 'other';
      const refused = await refusal({ url: poor.href });
      expect(refused).toMatchObject({ code: 'permission_denied' });
      expect(refused.message).toMatch(/superuser.*CREATE EXTENSION vector/);
      const made = await Promise.all(
        Array.from({ length: 4 }, async () => {
          await using backend = createPgvector({ url: own });
          await backend.open();
          return (await backend.health()).details?.['pgvectorVersion'];
        }),
      );
      expect(new Set(made).size).toBe(1);
    });

    it('works from a schema that no connection looks into', async () => {
      const own = await ownDatabase('CREATE SCHEMA "my ext"', 'CREATE EXTENSION vector SCHEMA "my ext"');
      for (const quantization of ['none', 'half', 'binary'] as const) {
        await using backend = createPgvector({
          url: own,
          schema: `s_${quantization}`,
          index: { quantization, buildAt: 0 },
        });
        await backend.open();
        for (const metric of ['cosine', 'dot_product', 'euclidean'] as const) {
          await backend.vectors.createCollection(metric, { dimension: 4, metric, fields: { n: 'number' } });
          const collection = backend.vectors.collection(metric);
          await collection.upsert(clustered(50, 4).map((vector, n) => ({ id: `${n}`, vector, metadata: { n } })));
          const [vector = []] = clustered(1, 4);
          expect(await collection.search({ vector, limit: 5, filter: { n: { $lt: 30 } } as never })).toHaveLength(5);
          expect(await collection.search({ vector, limit: 5, exact: true })).toHaveLength(5);
          const hybrid = backend.facet(hybridSearchFacet);
          expect(await hybrid?.search(metric, { vector, text: 'a', limit: 5 })).toHaveLength(5);
        }
      }
    });
  });

  describe('what is somebody else’s', () => {
    it('is refused and left as it is', async () => {
      const schema = stores.schema();
      await stores.admin(`CREATE SCHEMA ${schema}`, `CREATE TABLE ${schema}.storage_vector_collections (id int)`);
      expect(await refusal({ url, schema })).toMatchObject({
        code: 'already_exists',
        details: { table: 'storage_vector_collections' },
      });
      const later = await stores.open();
      await stores.admin(`UPDATE ${later.schema}.storage_schema SET version = 999 WHERE part = 'pgvector'`);
      expect(await refusal({ url, schema: later.schema })).toMatchObject({
        code: 'version_mismatch',
        details: { part: 'pgvector', found: 999 },
      });
    });

    it('may stand beside the records of this library in one schema', async () => {
      const backend = await stores.open();
      await backend.vectors.createCollection('c', { dimension: 2 });
      const same = await stores.open({ schema: backend.schema, migrate: 'verify' });
      expect(await same.vectors.collection('c').count()).toBe(0);
      await backend.close();
      expect(await outcome(backend.vectors.collection('c').count())).toMatchObject({
        ok: false,
        error: { code: 'closed' },
      });
      const { pool } = stores.spy();
      const given = await stores.open({ pool, schema: backend.schema });
      await given.close();
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    });
  });
});
