// Foreign data, ids, hybrid search, many at once, and the requests by the vendor's own document.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataManager, outcome } from '@storage/core';
import { inTwoProcesses } from '@storage/faults/testing';
import { startCheckedProxy } from '@storage/openapi';
import { onService } from '@storage/services/testing';
import { createQdrant, hybridSearchFacet, type QdrantBackend, type QdrantOptions } from '../src/index.ts';
import { ask, freshPrefix, removeCollections } from './harness.ts';

interface Point {
  readonly id: string | number;
  readonly payload: { readonly [name: string]: unknown };
}

for (const engine of ['qdrant', 'qdrant-next'] as const) {
  await onService(engine, ({ url }) => {
    const prefix = freshPrefix();
    let backend: QdrantBackend;

    async function opened(options: QdrantOptions): Promise<QdrantBackend> {
      const made = createQdrant({ url, prefix, ...options });
      await made.open();
      return made;
    }

    beforeAll(async () => {
      backend = await opened({});
    }, 60_000);

    afterAll(async () => {
      await backend.close();
      await removeCollections(url, prefix);
    }, 60_000);

    /** Points as something else writes them. */
    async function writeForeign(name: string, points: readonly object[]): Promise<void> {
      await ask(url, 'PUT', `/collections/${prefix}${name}/points?wait=true`, { points });
    }

    async function stored(name: string): Promise<readonly Point[]> {
      const { points } = await ask<{ readonly points: readonly Point[] }>(
        url,
        'POST',
        `/collections/${prefix}${name}/points/scroll`,
        { limit: 1000 },
      );
      return points;
    }

    describe(`documents of ${engine}`, () => {
      it('any id is kept apart from any other', async () => {
        await backend.vectors.createCollection('ids', { dimension: 2 });
        const collection = backend.vectors.collection('ids');
        const uuid = '0190a1b2-c3d4-7000-8000-000000000001';
        const ids = [
          '7',
          '07',
          '-1',
          '1.5',
          uuid,
          uuid.toUpperCase(),
          'a',
          'A',
          'é',
          'e\u0301',
          '😀',
          'a/b',
          ' a',
          '9007199254740993',
          'x'.repeat(512),
        ];
        await collection.upsert(ids.map((id, index) => ({ id, vector: [1, index] })));
        // The point of another id as an id of its own.
        const hash = (await stored('ids')).map(({ id }) => String(id)).find((id) => id[14] === '8') ?? '';
        await collection.upsert([{ id: hash, vector: [1, 99] }]);
        for (const place of [collection.namespace('n'), collection.namespace(uuid)])
          await place.upsert(ids.map((id, index) => ({ id, vector: [1, index] })));
        expect(await collection.count()).toBe(ids.length + 1);
        expect((await collection.get([...ids, hash])).map((document) => document?.id)).toEqual([...ids, hash]);
        expect((await collection.get([hash]))[0]?.vector[1]).toBeCloseTo(99, 3);
        expect((await stored('ids')).length).toBe(3 * ids.length + 1);
        expect((await stored('ids')).map(({ id }) => id)).toEqual(expect.arrayContaining([7, uuid]));
        expect(await collection.namespace('n').delete(ids)).toBe(ids.length);
        expect(await collection.count()).toBe(ids.length + 1);
      });

      it('members of ours are never shown, and those of the user by the same name are', async () => {
        await backend.vectors.createCollection('names', { dimension: 2, fields: { when: 'date' } });
        const collection = backend.vectors.collection('names');
        const metadata = { _storage: { at: 1, ns: 'x' }, '_storage~': [1], id: 'i', ns: 'n', when: new Date(0) };
        await collection.upsert([{ id: 'a', vector: [1, 2], content: 'text', metadata }]);
        const shown = { ...metadata, when: '1970-01-01T00:00:00.000Z' };
        expect((await collection.get(['a']))[0]).toMatchObject({ content: 'text', metadata: shown });
        expect(Object.keys((await collection.get(['a']))[0]?.metadata ?? {}).sort()).toEqual(Object.keys(shown).sort());
        expect(await collection.count({ '_storage.ns': 'x' } as never)).toBe(1);
        expect(await collection.count({ '_storage.at': 1, '_storage~': 1 } as never)).toBe(1);
        expect(await collection.count({ '_storage.norm': { $exists: true } } as never)).toBe(0);
        const [point] = await stored('names');
        expect(point?.payload).toMatchObject({ when: shown.when, id: 'i', _storage: { content: 'text', d0: [0] } });
      });

      it('what something else wrote is read as far as it tells, and found by its own id', async () => {
        await ask(url, 'PUT', `/collections/${prefix}foreign`, { vectors: { size: 2, distance: 'Euclid' } });
        const uuid = '0190a1b2-c3d4-4000-8000-000000000001';
        await writeForeign('foreign', [
          { id: 7, vector: [1, 2], payload: { page_content: 'text', metadata: { source: 'a' } } },
          { id: uuid, vector: [3, 4] },
        ]);
        const info = await backend.vectors.getCollection('foreign');
        expect(info).toMatchObject({ dimension: 2, metric: 'euclidean', count: 2, fields: {}, metadata: {} });
        const collection = backend.vectors.collection('foreign');
        const [seven, other] = await collection.get(['7', uuid]);
        expect(seven).toEqual({
          id: '7',
          vector: [1, 2],
          metadata: { page_content: 'text', metadata: { source: 'a' } },
        });
        expect(other).toEqual({ id: uuid, vector: [3, 4], metadata: {} });
        const [found] = await collection.search({ vector: [1, 2], filter: { 'metadata.source': 'a' } as never });
        expect(found).toMatchObject({ score: -0, distance: 0, document: { id: '7' } });
        // Written anew, it is one document still.
        await collection.upsert([{ id: '7', vector: [5, 6], content: 'new' }]);
        expect(await collection.count()).toBe(2);
        expect(await collection.delete(['7', uuid])).toBe(2);
      });

      it('a namespace that another process begins is never seen in the root', async () => {
        await using other = await opened({});
        await backend.vectors.createCollection('begins', { dimension: 2, metric: 'euclidean' });
        const root = backend.vectors.collection('begins');
        await root.upsert([{ id: 'far', vector: [9, 9], metadata: { a: 1 } }]);
        expect(await root.search({ vector: [0, 0] })).toHaveLength(1);
        const inside = other.vectors.collection('begins').namespace('n').namespace('m');
        await inside.upsert([{ id: 'near', vector: [0, 0], metadata: { a: 1 } }]);
        for (const filter of [{}, { a: 1 }]) {
          const query = { vector: [0, 0], limit: 1, filter: filter as never };
          expect((await root.search(query)).map(({ document }) => document.id)).toEqual(['far']);
          expect((await inside.search(query)).map(({ document }) => document.id)).toEqual(['near']);
        }
        expect(await root.namespace('n').count()).toBe(0);
        expect(await root.namespace('n').dropNamespace()).toEqual({ deleted: 0 });
        expect(await root.namespace('n').dropNamespace({ recursive: true })).toEqual({ deleted: 1 });
        expect(await root.count()).toBe(1);
      });

      it('what can not be told apart is refused', async () => {
        await backend.vectors.createCollection('odd', { dimension: 2 });
        const collection = backend.vectors.collection('odd');
        const reserved = '0190a1b2-c3d4-8000-8000-000000000001';
        await writeForeign('odd', [{ id: reserved, vector: [1, 2] }]);
        const refused = await outcome(collection.search({ vector: [1, 2] }));
        expect(refused).toMatchObject({ ok: false, error: { code: 'corrupt', details: { point: reserved } } });
        await ask(url, 'POST', `/collections/${prefix}odd/points/delete?wait=true`, { points: [reserved] });
        await writeForeign('odd', [{ id: 1, vector: [1, 2], payload: { _storage: 'theirs' } }]);
        expect(await outcome(collection.get(['1']))).toMatchObject({ ok: false, error: { code: 'corrupt' } });
        await ask(url, 'PUT', `/collections/${prefix}named`, { vectors: { own: { size: 2, distance: 'Dot' } } });
        await ask(url, 'PUT', `/collections/${prefix}manhattan`, { vectors: { size: 2, distance: 'Manhattan' } });
        for (const name of ['named', 'manhattan']) {
          const ended = await outcome(backend.vectors.collection(name).count());
          expect(ended).toMatchObject({ ok: false, error: { code: 'invalid_state', details: { collection: name } } });
        }
        const names = (await backend.vectors.listCollections({ limit: 100 })).items.map(({ name }) => name);
        expect(names).toContain('odd');
        expect(names).not.toContain('named');
      });

      it('64 upserts at once go in few requests, and each is told its own end', async () => {
        await using proxy = await startCheckedProxy({ target: url, documents: ['qdrant'] });
        await using through = await opened({ url: proxy.url });
        await through.vectors.createCollection('single', { dimension: 2 });
        const collection = through.vectors.collection('single');
        const ended = await Promise.all(
          Array.from({ length: 64 }, (_, index) => collection.upsert([{ id: `d${index % 60}`, vector: [1, index] }])),
        );
        expect(ended.map(({ count }) => count)).toEqual(Array.from({ length: 64 }, () => 1));
        expect(await collection.count()).toBe(60);
        expect((await collection.get(['d3']))[0]?.vector[1]).toBeCloseTo(63, 3);
        expect(proxy.checked.get('PUT /collections/{collection_name}/points')).toBeLessThan(10);
      }, 60_000);

      it('requests and answers are what the published document says', async () => {
        await using proxy = await startCheckedProxy({ target: url, documents: ['qdrant'] });
        const options = {
          url: proxy.url,
          sparse: true,
          quantization: { type: 'scalar' },
          hnsw: { m: 8, efConstruct: 32, ef: 64, onDisk: true },
          onDisk: true,
          onDiskPayload: true,
        } as const;
        await using through = await opened(options);
        for (const metric of ['cosine', 'dot_product', 'euclidean'] as const) {
          await through.vectors.createCollection(`doc-${metric}`, {
            dimension: 2,
            metric,
            fields: { a: 'number', b: 'string', c: 'boolean', when: 'date' },
          });
          const collection = through.vectors.collection(`doc-${metric}`).namespace('n').namespace('m');
          await collection.upsert([
            {
              id: 'a',
              vector: [1, 2],
              content: 'some words',
              metadata: { a: 1.5, b: 'x', c: true, when: new Date(0) },
            },
            { vector: [3, 4] },
          ]);
          const filter = {
            $or: [{ a: { $in: [1, 'x', true] } }, { b: { $ne: 'y' } }, { when: { $lt: new Date(1) } }, { c: true }],
          };
          expect((await collection.search({ vector: [1, 2], filter: filter as never, exact: true })).length).toBe(2);
          await collection.search({ vector: [1, 2] }, { includeVectors: true, includeMetadata: false });
          await collection.get(['a', 'none']);
          for await (const { id } of collection.iterate({ filter: { a: { $gt: 1 } } as never })) expect(id).toBe('a');
          expect(await collection.deleteWhere({ b: 'x' } as never)).toBe(1);
          await collection.delete(['none']);
          await through.vectors.collection(`doc-${metric}`).namespace('n').dropNamespace({ recursive: true });
        }
        const hybrid = through.facet(hybridSearchFacet);
        await hybrid?.search('doc-cosine', { vector: [1, 2], text: 'words' });
        await through.vectors.listCollections();
        await through.health();
        await through.vectors.deleteCollection('doc-cosine');
        expect(proxy.violations).toEqual([]);
        for (const operation of [
          'PUT /collections/{collection_name}',
          'PUT /collections/{collection_name}/index',
          'PUT /collections/{collection_name}/points',
          'POST /collections/{collection_name}/points',
          'POST /collections/{collection_name}/points/query',
          'POST /collections/{collection_name}/points/scroll',
          'POST /collections/{collection_name}/points/count',
          'POST /collections/{collection_name}/points/delete',
        ])
          expect([operation, (proxy.checked.get(operation) ?? 0) > 0]).toEqual([operation, true]);
      }, 60_000);

      it('hybrid search fuses two rankings by 1 / (60 + rank)', async () => {
        await using mixed = await opened({ sparse: true });
        await mixed.vectors.createCollection('hybrid', { dimension: 2, metric: 'euclidean' });
        const collection = mixed.vectors.collection('hybrid');
        await collection.upsert([
          { id: 'near', vector: [0, 0], content: 'nothing of it' },
          { id: 'both', vector: [0, 1], content: 'The Quick fox' },
          { id: 'words', vector: [9, 9], content: 'quick quick fox fox' },
          { id: 'bare', vector: [0, 5], metadata: { a: 1 } },
        ]);
        await collection.namespace('n').upsert([{ id: 'elsewhere', vector: [0, 0], content: 'quick fox' }]);
        const hybrid = mixed.facet(hybridSearchFacet);
        const found = (await hybrid?.search('hybrid', { vector: [0, 0], text: 'quick fox' })) ?? [];
        const score = Object.fromEntries(found.map((match) => [match.document.id, match.score]));
        expect(found.map(({ document }) => document.id).sort()).toEqual(['bare', 'both', 'near', 'words']);
        expect(score['near']).toBeCloseTo(1 / 61, 5);
        expect((score['both'] ?? 0) + (score['words'] ?? 0)).toBeCloseTo(1 / 62 + 1 / 64 + 1 / 61 + 1 / 62, 5);
        const some = await hybrid?.search('hybrid', {
          vector: [0, 0],
          text: 'quick',
          filter: { a: 1 } as never,
          limit: 1,
        });
        expect(some?.map(({ document }) => document.id)).toEqual(['bare']);
        const inside = await hybrid?.search('hybrid', { vector: [0, 0], text: '', namespace: ['n'] });
        expect(inside?.map(({ document }) => document.id)).toEqual(['elsewhere']);
        await backend.vectors.createCollection('plain', { dimension: 2 });
        const none = await outcome<unknown>(
          backend.facet(hybridSearchFacet)?.search('plain', { vector: [1, 0], text: 'x' }) ?? Promise.resolve(),
        );
        expect(none).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
      });

      it('takes sparse vectors of a function, and refuses what is none', async () => {
        let answer: unknown = [{ indices: [1, 5], values: [1, 0.5] }];
        await using mixed = await opened({ sparse: () => answer as never });
        await mixed.vectors.createCollection('sparse', { dimension: 2 });
        const collection = mixed.vectors.collection('sparse');
        await collection.upsert([{ id: 'a', vector: [1, 2], content: 'x' }]);
        for (answer of [[], [{ indices: [1, 1], values: [1, 1] }], [{ indices: [-1], values: [1] }], 'no']) {
          const ended = await outcome(collection.upsert([{ id: 'b', vector: [1, 2], content: 'x' }]));
          expect(ended).toMatchObject({ ok: false, error: { code: 'invalid_argument', details: { path: 'sparse' } } });
        }
        expect(await collection.count()).toBe(1);
      });

      it('makes its default collection at open, once for two processes, and a DataManager keeps data in it', async () => {
        const name = 'praval_vectors';
        const names = Array.from({ length: 5 }, (_, index) => `${prefix}two${index}-`);
        const made = await inTwoProcesses({
          imports: `import { createQdrant } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
            function store(prefix) {
              const backend = createQdrant({ url: process.env.TEST_URL, prefix, collectionName: 'c', vectorSize: 3 });
              const upsert = () => backend.vectors.collection('c').upsert([{ id: String(process.pid), vector: [1, 2, 3] }]);
              return { open: () => backend.open(), close: () => backend.close(), records: { store: upsert } };
            }`,
          create: 'store(name)',
          names,
          env: { TEST_URL: url },
        });
        expect(made).toEqual([5, 5]);
        for (const each of names) {
          await using one = await opened({ prefix: each });
          expect(await one.vectors.getCollection('c')).toMatchObject({ dimension: 3, count: 2 });
        }
        const own = createQdrant({ url, prefix, collectionName: name, vectorSize: 3 });
        const dm = new DataManager().registerProvider('qdrant', own);
        const data = { text: 'Praval is a multi-agent AI framework', vector: [1, 0, 0] };
        await dm.store('qdrant', data, { key: 'd', metadata: { category: 'documentation' } });
        const found = await dm.search('qdrant', [1, 0, 0], { limit: 5 });
        expect(found).toHaveLength(1);
        expect(await backend.vectors.getCollection(name)).toMatchObject({ dimension: 3, metric: 'cosine', count: 1 });
        const other = createQdrant({ url, prefix, collectionName: name, vectorSize: 4 });
        expect(await outcome(other.open())).toMatchObject({ ok: false, error: { code: 'invalid_state' } });
        await dm.close();
      }, 120_000);
    });
  });
}
