// Indexes come by themselves, once, and whoever else builds them.
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import { outcome } from '@storage/core';
import { onService } from '@storage/services/testing';
import type { PgvectorBackend } from '../src/index.ts';
import { clustered, Stores } from './harness.ts';

// An index that is built beside other work waits for every statement of the database, those of other tests too.
jest.setTimeout(60_000);

const dimension = 24;

await onService('postgres', ({ url }) => {
  const stores = new Stores(url);

  async function indexesOf({ schema }: PgvectorBackend): Promise<readonly { valid: boolean; made: string }[]> {
    return stores.rows(
      `SELECT i.indisvalid AS valid, pg_get_indexdef(i.indexrelid) AS made FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname ~ '_by_(vector|text)' ORDER BY c.relname`,
      [schema],
    );
  }

  async function loaded(backend: PgvectorBackend, count: number, name = 'c'): Promise<void> {
    await backend.vectors.createCollection(name, { dimension });
    const documents = clustered(count, dimension).map((vector, index) => ({
      id: `d${index}`,
      vector,
      content: `word${index}`,
    }));
    await backend.vectors.collection(name).upsert(documents);
  }

  async function soon(backend: PgvectorBackend, count: number): Promise<readonly { valid: boolean; made: string }[]> {
    for (let round = 0; round < 1000; round++) {
      const found = await indexesOf(backend);
      if (found.length === count && found.every(({ valid }) => valid)) return found;
      await delay(50);
    }
    return indexesOf(backend);
  }

  describe('the index of a collection', () => {
    it.each([
      [
        { type: 'hnsw', m: 8, efConstruction: 40, buildAt: 500 },
        /USING hnsw \(embedding .*vector_cosine_ops\) WITH \(m='8', ef_construction='40'\)/,
      ],
      [
        { type: 'ivfflat', lists: 7, buildAt: 500 },
        /USING ivfflat \(embedding .*vector_cosine_ops\) WITH \(lists='7'\)/,
      ],
      [
        { quantization: 'half', buildAt: 500 },
        /USING hnsw .*l2_normalize\(embedding\)\)::.*halfvec\(24\)\) .*halfvec_cosine_ops/,
      ],
      [
        { quantization: 'binary', buildAt: 500 },
        /USING hnsw .*binary_quantize\(embedding\)\)::bit\(24\)\) .*bit_hamming_ops/,
      ],
    ] as const)('comes by itself when there are enough documents: %j', async (index, made) => {
      const backend = await stores.open({ index });
      await loaded(backend, 499);
      await delay(200);
      expect(await indexesOf(backend)).toEqual([]);
      await backend.vectors.collection('c').upsert(clustered(200, dimension).map((vector) => ({ vector })));
      const [found] = await soon(backend, 1);
      expect(found?.made).toMatch(made);
      expect((await backend.health()).status).toBe('healthy');
      const [query = []] = clustered(1, dimension);
      expect((await backend.vectors.collection('c').search({ vector: query }))[0]?.score).toBeCloseTo(1, 4);
    });

    it('is none where it is not wanted, or can hold no vector of that length', async () => {
      const none = await stores.open({ index: { type: 'none', buildAt: 0 } });
      await loaded(none, 10);
      expect((await none.vectors.getCollection('c'))?.indexType).toBeUndefined();
      expect(await indexesOf(none)).toEqual([]);
      const backend = await stores.open({ index: { buildAt: 0 } });
      for (const [length, indexType] of [
        [2000, 'hnsw'],
        [2001, 'hnsw (halfvec)'],
        [4001, undefined],
      ] as const) {
        const info = await backend.vectors.createCollection(`c${length}`, { dimension: length });
        expect(info.indexType).toBe(indexType);
        const vector = new Float32Array(length).fill(0.5);
        const collection = backend.vectors.collection(`c${length}`);
        await collection.upsert([
          { id: 'a', vector },
          { id: 'b', vector: vector.map((_, index) => (index % 2) - 0.5) },
        ]);
        expect((await collection.search({ vector, limit: 1 }))[0]?.document.id).toBe('a');
      }
      expect(await indexesOf(backend)).toHaveLength(2);
    });

    it('is built by one of two processes, and both wait until it is there', async () => {
      const backend = await stores.open({ index: { buildAt: 1_000_000 } });
      await loaded(backend, 3000);
      const code = `import { createPgvector } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
        const backend = createPgvector({ url: process.env.TEST_URL, schema: process.env.TEST_SCHEMA });
        await backend.open();
        for (let round = 0; round < 3; round++) await backend.buildIndex('c');
        await backend.close();
        process.stdout.write('built');`;
      const args = ['--conditions=@storage/source', '--import', 'tsx', '--input-type=module', '--eval', code];
      const env = { ...process.env, NODE_OPTIONS: '', TEST_URL: url, TEST_SCHEMA: backend.schema };
      const build = async (): Promise<string> => (await promisify(execFile)(process.execPath, args, { env })).stdout;
      expect(await Promise.all([build(), build()])).toEqual(['built', 'built']);
      expect(await indexesOf(backend)).toEqual([{ valid: true, made: expect.stringContaining('hnsw') }]);
    });

    it('replaces what a process left unfinished', async () => {
      const backend = await stores.open({ index: { buildAt: 1_000_000 } });
      await loaded(backend, 100);
      await backend.buildIndex('c');
      await stores.admin(
        `UPDATE pg_index SET indisvalid = false WHERE indexrelid IN (SELECT c.oid FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = '${backend.schema}' AND c.relname ~ '_by_vector')`,
      );
      expect(await indexesOf(backend)).toMatchObject([{ valid: false }]);
      await backend.buildIndex('c');
      expect(await indexesOf(backend)).toMatchObject([{ valid: true }]);
    });

    it('makes the lists of ivfflat anew when it is asked to', async () => {
      const backend = await stores.open({ index: { type: 'ivfflat', lists: 10, buildAt: 0 } });
      await loaded(backend, 500);
      await backend.buildIndex('c');
      expect(await indexesOf(backend)).toMatchObject([{ valid: true }]);
      const [query = []] = clustered(1, dimension);
      expect(await backend.vectors.collection('c').search({ vector: query })).toHaveLength(10);
    });

    it('does not hold up deleting the collection, or closing', async () => {
      const backend = await stores.open({ index: { buildAt: 100 } });
      await loaded(backend, 3000, 'gone');
      expect(await backend.vectors.deleteCollection('gone')).toBe(true);
      await loaded(backend, 3000, 'left');
      await backend.close();
      const again = await stores.open({ schema: backend.schema, index: { buildAt: 100 } });
      await again.buildIndex('left');
      expect(await indexesOf(again)).toMatchObject([{ valid: true }]);
    });

    it('tells by health what could not be built, and goes on', async () => {
      const backend = await stores.open({ index: { quantization: 'half', buildAt: 1 } });
      await backend.vectors.createCollection('c', { dimension: 2, metric: 'euclidean' });
      const collection = backend.vectors.collection('c');
      // Beyond what 16 bits hold: refused where the index is there, else only the index is.
      await collection.upsert([{ id: 'a', vector: [100_000, 1] }]);
      for (let round = 0; round < 100 && (await backend.health()).status === 'healthy'; round++) await delay(20);
      const { status, message } = await backend.health();
      expect(status).toBe('degraded');
      expect(message).toMatch(/65,504/);
      expect((await outcome(backend.buildIndex('c'))).ok).toBe(false);
      const indexed = await stores.open({ index: { quantization: 'half', buildAt: 0 } });
      await indexed.vectors.createCollection('c', { dimension: 2, metric: 'euclidean' });
      expect(await outcome(indexed.vectors.collection('c').upsert([{ id: 'a', vector: [100_000, 1] }]))).toMatchObject({
        ok: false,
        error: { code: 'invalid_argument', applied: 'no', message: expect.stringMatching(/65,504.*quantization/) },
      });
    });

    it('is not built behind a pooler, and says what to do', async () => {
      const backend = await stores.open({ namedStatements: false, index: { buildAt: 1 } });
      await loaded(backend, 10);
      await delay(100);
      expect(await indexesOf(backend)).toEqual([]);
      expect(await outcome(backend.buildIndex('c'))).toMatchObject({
        ok: false,
        error: { code: 'unsupported', applied: 'no', message: expect.stringContaining('direct connection') },
      });
      const [query = []] = clustered(1, dimension);
      expect(await backend.vectors.collection('c').search({ vector: query })).toHaveLength(10);
    });

    it('is not_found for a collection that is not there', async () => {
      const backend = await stores.open();
      expect(await outcome(backend.buildIndex('none'))).toMatchObject({ ok: false, error: { code: 'not_found' } });
    });
  });
});
