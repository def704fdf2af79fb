import { describe, expect, it, jest } from '@jest/globals';
import { outcome } from '@storage/core';
import { type HybridSearch, hybridSearchFacet } from '@storage/domain';
import { onService } from '@storage/services/testing';
import type { PgvectorBackend } from '../src/index.ts';
import { fuseRankings } from '../src/pgvector-hybrid.ts';
import { Stores } from './harness.ts';

// An index that is built beside other work waits for every statement of the database, those of other tests too.
jest.setTimeout(60_000);

function hybridOf(backend: PgvectorBackend): HybridSearch {
  const facet = backend.facet(hybridSearchFacet);
  if (facet === undefined) throw new Error('The facet is missing.');
  return facet;
}

const row = (id: string) => ({ id, vector: undefined, content: undefined, metadata: '{}', createdAt: 0 });

describe('fusion', () => {
  it('adds 1 / (60 + rank) of each ranking that a document is in, equal sums by id', () => {
    const close = ['b', 'c', 'a'].map((id) => ({ ...row(id), score: 1, distance: 0 }));
    const fused = fuseRankings(close, ['a', 'd', 'b'].map(row), 10);
    expect(fused.map(({ id, score }) => [id, score])).toEqual([
      ['a', 1 / 63 + 1 / 61],
      ['b', 1 / 61 + 1 / 63],
      ['c', 1 / 62],
      ['d', 1 / 62],
    ]);
    expect(fuseRankings(close, [], 2).map(({ id }) => id)).toEqual(['b', 'c']);
  });
});

await onService('postgres', ({ url }) => {
  const stores = new Stores(url);
  const documents = [
    { id: 'cats', vector: [1, 0, 0], content: 'Cats sleep most of the day', metadata: { kind: 'animal' } },
    { id: 'dogs', vector: [0.9, 0.1, 0], content: 'Dogs run after cats', metadata: { kind: 'animal' } },
    { id: 'rust', vector: [0, 1, 0], content: 'error E0502 in the borrow checker', metadata: { kind: 'code' } },
    { id: 'none', vector: [0, 0, 1], metadata: { kind: 'code' } },
  ];

  describe('hybrid search', () => {
    it('finds by words what is far off, and by closeness what has no words', async () => {
      const backend = await stores.open();
      await backend.vectors.createCollection('c', { dimension: 3 });
      await backend.vectors.collection('c').upsert(documents);
      const hybrid = hybridOf(backend);
      const found = await hybrid.search('c', { vector: [1, 0, 0], text: 'what is E0502?', limit: 2 });
      expect(found.map(({ document }) => document.id)).toEqual(['rust', 'cats']);
      expect(found[0]?.document).toMatchObject({ content: 'error E0502 in the borrow checker', vector: [] });
      const both = await hybrid.search('c', { vector: [1, 0, 0], text: 'cats' }, { includeVectors: true });
      expect(both.map(({ document }) => document.id)).toEqual(['cats', 'dogs', 'none', 'rust']);
      expect(both[0]?.document.vector).toEqual([1, 0, 0]);
      expect(await hybrid.search('c', { vector: [1, 0, 0], text: '' })).toHaveLength(4);
    });

    it('filters both rankings, and stays in its namespace', async () => {
      const backend = await stores.open();
      await backend.vectors.createCollection('c', { dimension: 3 });
      await backend.vectors.collection('c').namespace('a').namespace('b').upsert(documents);
      const hybrid = hybridOf(backend);
      const query = { vector: [1, 0, 0], text: 'cats E0502' };
      expect(await hybrid.search('c', query)).toEqual([]);
      const inside = { ...query, namespace: ['a', 'b'] };
      const code = await hybrid.search('c', { ...inside, filter: { kind: 'code' } });
      expect(code.map(({ document }) => document.id)).toEqual(['rust', 'none']);
      expect(await hybrid.search('c', { ...inside, filter: { kind: { $in: [] } } })).toEqual([]);
    });

    it('takes words as the language has them', async () => {
      const english = await stores.open({ language: 'english', index: { buildAt: 1 } });
      await english.vectors.createCollection('c', { dimension: 3 });
      await english.vectors.collection('c').upsert(documents);
      const query = { vector: [0, 0, 1], text: 'sleeping cat', limit: 2 };
      const ids = async (backend: PgvectorBackend): Promise<string[]> =>
        (await hybridOf(backend).search('c', query)).map(({ document }) => document.id);
      expect(await ids(english)).toEqual(['cats', 'dogs']);
      // Asked once, the words get an index; what is found is the same.
      await english.buildIndex('c');
      expect(
        await stores.rows(
          `SELECT indexname FROM pg_indexes WHERE schemaname = '${english.schema}' AND indexname ~ '_by_text_'`,
        ),
      ).toHaveLength(1);
      expect(await ids(english)).toEqual(['cats', 'dogs']);
      const simple = await stores.open({ schema: english.schema });
      expect((await ids(simple))[0]).toBe('none');
    });

    it('refuses what is no query', async () => {
      const backend = await stores.open();
      await backend.vectors.createCollection('c', { dimension: 3 });
      const hybrid = hybridOf(backend);
      for (const [query, code] of [
        [{ vector: [1, 2], text: 'a' }, 'invalid_argument'],
        [{ vector: [1, 2, 3] }, 'invalid_argument'],
        [{ vector: [1, 2, 3], text: 'a', limit: 0 }, 'invalid_argument'],
        [{ vector: [1, 2, 3], text: 'a', namespace: 'x' }, 'invalid_argument'],
        [{ vector: [1, 2, 3], text: 'a', filter: { $where: 1 } }, 'invalid_argument'],
      ] as const)
        expect(await outcome(hybrid.search('c', query as never))).toMatchObject({ ok: false, error: { code } });
      expect(await outcome(hybrid.search('none', { vector: [1], text: 'a' }))).toMatchObject({
        ok: false,
        error: { code: 'not_found' },
      });
      const other = await stores.open({ language: 'klingon' });
      await other.vectors.createCollection('c', { dimension: 3 });
      expect(await outcome(hybridOf(other).search('c', { vector: [1, 2, 3], text: 'a' }))).toMatchObject({
        ok: false,
        error: { code: 'invalid_argument', message: expect.stringContaining('`language`') },
      });
    });
  });
});
