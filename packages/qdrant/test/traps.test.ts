import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isStorageError, type MetadataInput, outcome, type VectorCollection } from '@storage/core';
import { onService } from '@storage/services/testing';
import { createQdrant, type QdrantBackend } from '../src/index.ts';
import { ask, freshPrefix, removeCollections } from './harness.ts';

interface Scrolled {
  readonly points: readonly { readonly payload: { readonly n: number } }[];
}

for (const engine of ['qdrant', 'qdrant-next'] as const) {
  await onService(engine, ({ url }) => {
    const prefix = freshPrefix();
    let backend: QdrantBackend;
    let made = 0;

    beforeAll(async () => {
      backend = createQdrant({ url, prefix });
      await backend.open();
    }, 60_000);

    afterAll(async () => {
      await backend.close();
      await removeCollections(url, prefix);
    }, 60_000);

    /** A collection with a document for each metadata, numbered in `n`. */
    async function withMetadata(
      metadata: readonly object[],
      fields: Record<string, 'string' | 'number' | 'boolean' | 'date'> = {},
    ): Promise<{ readonly collection: VectorCollection; readonly native: string }> {
      const name = `c${made++}`;
      await backend.vectors.createCollection(name, { dimension: 2, metric: 'euclidean', fields });
      const collection = backend.vectors.collection(name);
      await collection.upsert(
        metadata.map((each, n) => ({ id: `d${n}`, vector: [n, 1], metadata: { ...each, n } as MetadataInput })),
      );
      return { collection, native: prefix + name };
    }

    /** The numbers of what our filter matches. */
    async function ours(collection: VectorCollection, filter: object): Promise<readonly number[]> {
      const found: number[] = [];
      for await (const { metadata } of collection.iterate({ filter: filter as never }))
        found.push((metadata as { readonly n: number }).n);
      expect(await collection.count(filter as never)).toBe(found.length);
      return found.sort((a, b) => a - b);
    }

    /** The numbers of what Qdrant's own filter matches. */
    async function naive(native: string, filter: object): Promise<readonly number[]> {
      const { points } = await ask<Scrolled>(url, 'POST', `/collections/${native}/points/scroll`, {
        filter,
        limit: 100,
      });
      return points.map(({ payload }) => payload.n).sort((a, b) => a - b);
    }

    async function makeIndex(native: string, field: string, schema: string): Promise<void> {
      await ask(url, 'PUT', `/collections/${native}/index?wait=true`, { field_name: field, field_schema: schema });
    }

    /** The backend looks at a collection again after a second. */
    async function lookAgain(name: string): Promise<void> {
      await backend.vectors.getCollection(name.slice(prefix.length));
    }

    describe(`traps of ${engine}`, () => {
      it('$ne: `except` leaves out what is missing and means that some element differs', async () => {
        const { collection, native } = await withMetadata([{ a: 'x' }, { a: 'y' }, {}, { a: ['x', 'y'] }, { a: null }]);
        expect(await ours(collection, { a: { $ne: 'x' } })).toEqual([1, 2, 4]);
        expect(await naive(native, { must: [{ key: 'a', match: { except: ['x'] } }] })).toEqual([1, 3]);
      });

      it('$eq of a fraction: match takes none, a range does', async () => {
        const { collection, native } = await withMetadata([{ a: 1.5 }, { a: 1 }, { a: '1.5' }, { a: [0, 1.5] }]);
        expect(await ours(collection, { a: 1.5 })).toEqual([0, 3]);
        await expect(naive(native, { must: [{ key: 'a', match: { value: 1.5 } }] })).rejects.toThrow(/400|422/);
      });

      it('$eq of a whole number: match does not find it written as 1.0', async () => {
        const { collection, native } = await withMetadata([{ a: 1 }, { a: 2 }]);
        await ask(url, 'POST', `/collections/${native}/points/payload?wait=true`, {
          payload: { b: 1 },
          filter: { must: [{ key: 'n', range: { gte: 1 } }] },
        });
        expect(await ours(collection, { a: { $in: [1, 'x', true] } })).toEqual([0]);
        expect(await ours(collection, { b: 1 })).toEqual([1]);
      });

      it('an empty disjunction is no condition, and matches everything', async () => {
        const { collection, native } = await withMetadata([{ a: 1 }, { a: 2 }]);
        expect(await ours(collection, { $or: [] })).toEqual([]);
        expect(await ours(collection, { a: { $in: [] } })).toEqual([]);
        expect(await naive(native, { should: [] })).toEqual([0, 1]);
      });

      it('several predicates in one condition are a disjunction', async () => {
        const { collection, native } = await withMetadata([{ a: 5 }, { a: 1 }, {}, { a: 'x' }]);
        expect(await ours(collection, { a: { $gt: 2, $exists: true } })).toEqual([0]);
        expect(
          (await naive(native, { must: [{ key: 'a', range: { gt: 2 }, is_empty: false, match: { value: 'x' } }] }))
            .length,
        ).toBeGreaterThan(1);
      });

      it('an integer index forgets fractions; ours are made of floats, and a foreign one is not asked', async () => {
        const { collection, native } = await withMetadata([{ a: 5.5 }, { a: 5 }, { a: 6 }]);
        const filter = { must: [{ key: 'a', range: { gte: 5, lte: 6 } }] };
        expect(await naive(native, filter)).toEqual([0, 1, 2]);
        await makeIndex(native, 'a', 'integer');
        await lookAgain(native);
        expect(await naive(native, filter)).toEqual([1, 2]);
        expect(await ours(collection, { a: { $gte: 5, $lte: 6 } })).toEqual([0, 1, 2]);
        expect(await ours(collection, { a: { $ne: 5.5 } })).toEqual([1, 2]);
        const declared = await withMetadata([{ a: 5.5 }, { a: 5 }], { a: 'number' });
        const { payload_schema } = await ask<{ readonly payload_schema: object }>(
          url,
          'GET',
          `/collections/${declared.native}`,
        );
        expect(payload_schema).toMatchObject({ a: { data_type: 'float' } });
        expect(await ours(declared.collection, { a: { $gt: 5 } })).toEqual([0]);
      });

      it('a uuid index tells no capitals apart; a foreign one is not asked', async () => {
        const small = 'a1b2c3d4-0000-4000-8000-00000000abcd';
        const { collection, native } = await withMetadata([{ a: small }, { a: small.toUpperCase() }]);
        await makeIndex(native, 'a', 'uuid');
        await lookAgain(native);
        expect(await naive(native, { must: [{ key: 'a', match: { value: small } }] })).toEqual([0, 1]);
        expect(await ours(collection, { a: small })).toEqual([0]);
      });

      it('a text that looks like a UUID is found where the field has an index of numbers', async () => {
        const text = '550E8400-E29B-41D4-A716-446655440000';
        const { collection, native } = await withMetadata([{ a: text }, { a: 1 }, { a: [text] }], { a: 'number' });
        expect(await ours(collection, { a: text })).toEqual([0, 2]);
        expect(await ours(collection, { a: { $ne: text } })).toEqual([1]);
        expect(await naive(native, { must: [{ key: 'a', match: { value: text } }] })).toEqual([]);
      });

      it('null, [] and missing are absent; is_null of [null] differs between engines and is never asked', async () => {
        const { collection, native } = await withMetadata([
          { a: null },
          { a: [] },
          {},
          { a: [null] },
          { a: {} },
          { a: 0 },
        ]);
        const answers: (readonly number[])[] = [];
        for (const index of [undefined, 'keyword', 'float'] as const) {
          if (index !== undefined) await makeIndex(native, 'a', index);
          await lookAgain(native);
          expect(await ours(collection, { a: { $exists: false } })).toEqual([0, 1, 2]);
          expect(await ours(collection, { a: { $exists: true } })).toEqual([3, 4, 5]);
          answers.push(await naive(native, { must: [{ is_null: { key: 'a' } }] }));
        }
        // What a translation of `$eq: null` would find: never what the contract says.
        for (const answer of answers) expect(answer).not.toEqual([0, 1, 2]);
      });

      it('ranges of texts are read as times: other texts are refused, and none is compared', async () => {
        const { collection, native } = await withMetadata([{ a: 'a' }, { a: 'b' }, { a: '😀' }, { a: '｡' }, { a: 1 }]);
        expect(await ours(collection, { a: { $gt: 'a' } })).toEqual([1, 2, 3]);
        expect(await ours(collection, { a: { $lt: '😀', $gte: 'b' } })).toEqual([1, 3]);
        expect(await ours(collection, { $not: { a: { $gt: 'a' } } })).toEqual([0, 4]);
        await expect(naive(native, { must: [{ key: 'a', range: { gt: 'a' } }] })).rejects.toThrow(/400|422/);
      });

      it('prefixes do not depend on the version of the server', async () => {
        const { collection, native } = await withMetadata([{ a: 'ab' }, { a: 'AB' }, { a: 'b' }, { a: ['x', 'abc'] }], {
          a: 'string',
        });
        expect(await ours(collection, { a: { $startsWith: 'ab' } })).toEqual([0, 3]);
        expect(await ours(collection, { $not: { a: { $startsWith: 'ab' } } })).toEqual([1, 2]);
        const prefixed = await outcome(naive(native, { must: [{ key: 'a', match: { prefix: 'ab' } }] }));
        // One engine knows the word and the other refuses it.
        expect(prefixed.ok).toBe(engine === 'qdrant-next');
      });

      it('match of text is by words or by pieces, as the index is; ours is of the whole', async () => {
        const { collection, native } = await withMetadata([{ a: 'big dog' }, { a: 'bigger' }, { a: 'big' }]);
        const filter = { must: [{ key: 'a', match: { text: 'big' } }] };
        const before = await naive(native, filter);
        await makeIndex(native, 'a', 'text');
        await lookAgain(native);
        expect(await naive(native, filter)).toEqual([0, 2]);
        if (engine === 'qdrant') expect(before).toEqual([0, 1, 2]);
        expect(await ours(collection, { a: 'big' })).toEqual([2]);
      });

      it('keys with a dot, a quote, a backslash or nothing in them are told from paths', async () => {
        const documents = [
          { 'a.b': 1 },
          { a: { b: 1 } },
          { 'q"t': 1 },
          { 'bs\\l': 1 },
          { '': 1 },
          { 'x y': { '0': 1 } },
        ];
        const { collection, native } = await withMetadata(documents);
        expect(await ours(collection, { 'a\\.b': 1 })).toEqual([0]);
        expect(await ours(collection, { 'a.b': 1 })).toEqual([1]);
        expect(await ours(collection, { 'q"t': 1 })).toEqual([2]);
        expect(await ours(collection, { 'bs\\\\l': 1 })).toEqual([3]);
        expect(await ours(collection, { 'x y.0': 1 })).toEqual([5]);
        expect(await naive(native, { must: [{ key: 'a.b', range: { gte: 1 } }] })).toEqual([1]);
        await expect(naive(native, { must: [{ key: '"q\\"t"', range: { gte: 1 } }] })).rejects.toThrow(/40|42/);
      });

      it('dates are compared as the texts that they are, by their times', async () => {
        const at = (text: string): object => ({ when: text });
        const { collection, native } = await withMetadata(
          [
            at('2024-01-01T00:00:00.000Z'),
            at('2025-01-01T00:00:00.000Z'),
            at('0099-01-01T00:00:00.000Z'),
            { when: 5 },
            {},
            { when: ['2023-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'] },
          ],
          { when: 'date' },
        );
        // What something else wrote has no times beside it.
        await ask(url, 'PUT', `/collections/${native}/points?wait=true`, {
          points: [{ id: 6, vector: [6, 1], payload: { n: 6, when: '2024-06-01T00:00:00Z' } }],
        });
        expect(await ours(collection, { when: { $gte: new Date('2024-06-01T00:00:00.000Z') } })).toEqual([1, 5, 6]);
        expect(await ours(collection, { when: { $lt: '2024' } })).toEqual([2, 5]);
        expect(await ours(collection, { when: { $startsWith: '2024' } })).toEqual([0, 6]);
        expect(await ours(collection, { $not: { when: { $lt: '2025' } } })).toEqual([1, 3, 4]);
        expect(await ours(collection, { when: { $lt: '-' } })).toEqual([]);
        expect(await ours(collection, { when: { $gt: 'z' } })).toEqual([]);
        expect(await ours(collection, { when: '2025-01-01T00:00:00.000Z' })).toEqual([1]);
        // Its own range of times reads other spellings, which as texts come behind: the point that something else wrote.
        expect(await ours(collection, { when: { $lte: '2024-06-01T00:00:00.000Z' } })).toEqual([0, 2, 5]);
        expect(await naive(native, { must: [{ key: 'when', range: { lte: '2024-06-01T00:00:00.000Z' } }] })).toContain(
          6,
        );
      });

      it('deletes what a filter matches that it can only approach, and nothing else', async () => {
        const { collection } = await withMetadata([{ a: 'ab' }, { a: 'b' }, { a: 'abc' }, {}], { a: 'string' });
        expect(await collection.deleteWhere({ a: { $startsWith: 'ab' } } as never)).toBe(2);
        expect(await ours(collection, {})).toEqual([1, 3]);
        expect(await collection.deleteWhere({ a: { $ne: 'b' } } as never)).toBe(1);
        expect(await ours(collection, {})).toEqual([1]);
      });

      it('cosine: vectors come back as long as they were, though the server makes them 1', async () => {
        await backend.vectors.createCollection('norm', { dimension: 3 });
        const collection = backend.vectors.collection('norm');
        await collection.upsert([{ id: 'a', vector: [30, 40, 0] }]);
        const [ownRead] = await collection.get(['a']);
        expect(ownRead?.vector.map((value) => Math.round(value * 1e4) / 1e4)).toEqual([30, 40, 0]);
        const { points } = await ask<{ readonly points: readonly { readonly vector: number[] }[] }>(
          url,
          'POST',
          `/collections/${prefix}norm/points/scroll`,
          { with_vector: true },
        );
        expect(points[0]?.vector.map((value) => Math.round(value * 1e4) / 1e4)).toEqual([0.6, 0.8, 0]);
      });

      it('cosine: a short vector has a direction too', async () => {
        await backend.vectors.createCollection('short', { dimension: 2 });
        const collection = backend.vectors.collection('short');
        await collection.upsert([{ id: 'a', vector: [3e-15, 4e-15] }]);
        const [found] = await collection.search({ vector: [6e-16, 8e-16] }, { includeVectors: true });
        expect(found?.score).toBeCloseTo(1, 4);
        expect((found?.document.vector[0] ?? 0) / 3e-15).toBeCloseTo(1, 4);
        await ask(url, 'PUT', `/collections/${prefix}short/points?wait=true`, {
          points: [{ id: 1, vector: [3e-15, 4e-15] }],
        });
        const { points } = await ask<{ readonly points: readonly { readonly id: unknown; readonly score: number }[] }>(
          url,
          'POST',
          `/collections/${prefix}short/points/query`,
          { query: [0.6, 0.8] },
        );
        expect(points.find(({ id }) => id === 1)?.score).toBeLessThan(0.1);
      });
    });

    describe(`strict mode of ${engine}`, () => {
      async function strict(
        config: object,
        fields: Record<string, 'string' | 'number'> = {},
      ): Promise<VectorCollection> {
        const { collection, native } = await withMetadata(
          Array.from({ length: 30 }, (_, index) => ({ a: index, b: `b${index % 3}` })),
          fields,
        );
        await ask(url, 'PATCH', `/collections/${native}`, { strict_mode_config: { enabled: true, ...config } });
        await lookAgain(native);
        return collection;
      }

      it('names the field that a filter needs an index of, and `fields`', async () => {
        const collection = await strict(
          { unindexed_filtering_retrieve: false, unindexed_filtering_update: false },
          { b: 'string' },
        );
        const refused = await outcome(collection.search({ vector: [1, 1], filter: { a: { $gt: 3 } } as never }));
        expect(refused).toMatchObject({ ok: false, error: { code: 'unsupported_filter', details: { path: 'a' } } });
        if (!refused.ok) expect(refused.error.message).toContain('`fields`');
        expect(await collection.count({ b: 'b1' } as never)).toBe(10);
        expect(await collection.deleteWhere({ b: 'b2' } as never)).toBe(10);
        expect(await collection.count()).toBe(20);
      });

      it('reads within the pages that it allows, and refuses a search beyond', async () => {
        const collection = await strict({ max_query_limit: 7 });
        expect((await ours(collection, {})).length).toBe(30);
        expect((await ours(collection, { b: { $startsWith: 'b1' } })).length).toBe(10);
        expect((await collection.search({ vector: [1, 1], limit: 7 })).length).toBe(7);
        const refused = await outcome(collection.search({ vector: [1, 1], limit: 8 }));
        expect(refused).toMatchObject({ ok: false, error: { code: 'invalid_argument' } });
        // Those that match lie beyond what one search may look at: an error, not a short answer.
        const far = await outcome(
          collection.search({ vector: [0, 1], limit: 5, filter: { b: { $gt: 'b1' }, a: { $gt: 20 } } as never }),
        );
        expect(far.ok || isStorageError(far.error)).toBe(true);
        if (far.ok) expect(far.value.length).toBe(3);
      });

      it('sends no larger batches than it takes, and no exact search where it forbids that', async () => {
        const collection = await strict({ upsert_max_batchsize: 4, search_allow_exact: false });
        const more = Array.from({ length: 10 }, (_, index) => ({ id: `e${index}`, vector: [index, 2] }));
        expect((await collection.upsert(more)).count).toBe(10);
        expect((await collection.search({ vector: [1, 1], limit: 100 })).length).toBe(40);
        const refused = await outcome(collection.search({ vector: [1, 1], exact: true }));
        expect(refused).toMatchObject({ ok: false, error: { code: 'unsupported' } });
      });
    });
  });
}
