// What the server plans, and how often it is asked: one statement, by the index.
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { onService } from '@storage/services/testing';
import pg from 'pg';
import type { PgvectorBackend } from '../src/index.ts';
import { clustered, type Sent, Stores } from './harness.ts';

// An index that is built beside other work waits for every statement of the database, those of other tests too.
jest.setTimeout(60_000);

const count = 5000;
const dimension = 48;

await onService('postgres', ({ url }) => {
  const stores = new Stores(url);
  const { pool, sent } = stores.spy();
  const vectors = clustered(count, dimension);
  const documents = vectors.map((vector, index) => ({
    id: `d${String(index).padStart(5, '0')}`,
    vector,
    metadata: { n: index % 500, kind: `k${index % 100}`, rare: index % 1000 === 999, even: index % 2 === 0 },
  }));
  const [query = new Float32Array(dimension)] = vectors;
  let backend: PgvectorBackend;

  beforeAll(async () => {
    backend = await stores.open({ pool, index: { buildAt: 1_000_000 } });
    for (const [name, fields] of [
      ['plain', {}],
      ['fields', { n: 'number', kind: 'string' }],
    ] as const) {
      await backend.vectors.createCollection(name, { dimension, fields });
      await backend.vectors.collection(name).upsert(documents);
      await backend.buildIndex(name);
    }
  }, 120_000);

  async function explain({ text, values = [] }: Sent): Promise<string> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (COSTS OFF) ${text}`, [...values]);
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    } finally {
      await client.end();
    }
  }

  /** What a search sends, and how the first statement is planned. */
  async function planOf(collection: string, search: object): Promise<{ statements: number; plan: string }> {
    sent.length = 0;
    await backend.vectors.collection(collection).search({ vector: query, ...search } as never);
    const [first] = sent;
    if (first === undefined) throw new Error('Nothing was sent.');
    return { statements: sent.length, plan: await explain(first) };
  }

  describe('plans', () => {
    it('searches by the index, in one statement', async () => {
      const { statements, plan } = await planOf('plain', {});
      expect(statements).toBe(1);
      expect(plan).toMatch(/Index Scan using storage_vectors_\d+_by_vector/);
      expect(plan).not.toMatch(/Seq Scan/);
    });

    it('searches with a filter by the index, in the same one statement', async () => {
      const { statements, plan } = await planOf('plain', { filter: { kind: { $ne: 'k3' } } });
      expect(statements).toBe(1);
      expect(plan).toMatch(/Index Scan using storage_vectors_\d+_by_vector/);
      expect(plan).toMatch(/Filter:.*metadata/);
    });

    it.each([
      { n: 7 },
      { kind: 'k7' },
      { n: { $gte: 10, $lt: 12 } },
      { kind: { $startsWith: 'k7' } },
      { $and: [{ n: 7 }, { even: false }] },
    ])('asks the indexes of declared fields for what few match: %j', async (filter) => {
      const { statements, plan } = await planOf('fields', { filter });
      expect(statements).toBe(1);
      expect(plan).toMatch(/Bitmap Index Scan on storage_vectors_\d+_by_field_\d/);
      expect(plan).not.toMatch(/Seq Scan/);
    });

    it('reads everything when it is to be exact, in one statement too', async () => {
      const { statements, plan } = await planOf('plain', { exact: true });
      expect(statements).toBe(1);
      expect(plan).not.toMatch(/by_vector/);
    });

    it('gets, counts and pages by the key', async () => {
      const collection = backend.vectors.collection('plain');
      for (const work of [() => collection.get(['d00001', 'd00002']), () => collection.delete(['none'])]) {
        sent.length = 0;
        await work();
        expect(sent).toHaveLength(1);
        expect(await explain(sent[0] as Sent)).toMatch(/storage_vectors_\d+_pkey/);
      }
      sent.length = 0;
      for await (const { id } of collection.iterate({ includeVectors: false })) if (id === 'd00150') break;
      expect(sent).toHaveLength(1);
      expect(await explain(sent[0] as Sent)).toMatch(/Index Scan using storage_vectors_\d+_pkey/);
    });

    it('leaves the settings of a given pool as they were', async () => {
      await backend.vectors.collection('plain').search({ vector: query });
      const client = await pool.connect();
      try {
        const { rows } = await client.query('SHOW hnsw.iterative_scan');
        expect(rows).toEqual([{ 'hnsw.iterative_scan': 'off' }]);
      } finally {
        client.release();
      }
    });
  });

  describe('an index and a filter', () => {
    /** The table of a collection, for statements of one's own. */
    async function tableOf(name: string): Promise<string> {
      const { schema } = backend;
      const [row] = await stores.rows<{ id: number }>(
        `SELECT id FROM ${schema}.storage_vector_collections WHERE name = $1`,
        [name],
      );
      return `${schema}.storage_vectors_${row?.id}`;
    }

    it('finds ten where the index alone finds none', async () => {
      const far = clustered(count, dimension).map((vector) => vector.map((value) => value + 100));
      await backend.vectors.createCollection('trap', { dimension });
      const trap = backend.vectors.collection('trap');
      await trap.upsert(vectors.map((vector, index) => ({ id: `near${index}`, vector, metadata: { far: false } })));
      await trap.upsert(
        far.slice(0, 20).map((vector, index) => ({ id: `far${index}`, vector, metadata: { far: true } })),
      );
      await backend.buildIndex('trap');
      const client = new pg.Client({
        connectionString: url,
        options: '-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off',
      });
      await client.connect();
      try {
        const naive = `SELECT id FROM ${await tableOf('trap')} WHERE metadata @> '{"far": true}' ORDER BY embedding <=> $1::vector LIMIT 10`;
        expect((await client.query(naive, [JSON.stringify([...query])])).rows).toEqual([]);
      } finally {
        await client.end();
      }
      const forced = stores.spy('-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off');
      const same = await stores.open({ pool: forced.pool, schema: backend.schema });
      const found = await same.vectors.collection('trap').search({ vector: query, filter: { far: true } });
      expect(found).toHaveLength(10);
      expect(found.every(({ document }) => document.id.startsWith('far'))).toBe(true);
      expect(await explain(forced.sent.at(-1) as Sent)).toMatch(/metadata/);
    }, 60_000);

    it('completes what the index leaves short by reading everything, and only then', async () => {
      const short = stores.spy(
        '-c hnsw.max_scan_tuples=1 -c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off',
      );
      const same = await stores.open({ pool: short.pool, schema: backend.schema });
      const collection = same.vectors.collection('plain');
      await collection.count();
      short.sent.length = 0;
      const found = await collection.search({ vector: query, limit: 5, filter: { rare: true } });
      expect(found).toHaveLength(5);
      expect(short.sent).toHaveLength(2);
      short.sent.length = 0;
      expect(await collection.search({ vector: query, limit: 5 })).toHaveLength(5);
      expect(short.sent).toHaveLength(1);
    });

    it('does the same for a namespace that has a few among many', async () => {
      const place = backend.vectors.collection('plain').namespace('few');
      await place.upsert(documents.slice(0, 3));
      expect(await place.search({ vector: query })).toHaveLength(3);
      await place.dropNamespace();
    });
  });
});
