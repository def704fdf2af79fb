import type { VectorInput } from '@storage/core';
import { equal, ok, rejects, sameSet, within } from '../assert.ts';
import { vectors } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { collectionTests } from './vector-collections.ts';
import { contentTests } from './vector-contents.ts';
import { collectionOf, exactly, idsOf, vectorsLimitMs } from './vector-documents.ts';
import { fieldTests } from './vector-fields.ts';
import { vectorFilterTests } from './vector-filters.ts';
import { searchTests } from './vector-searches.ts';
import { textTests } from './vector-texts.ts';
import { writeTests } from './vector-writes.ts';

/** Collections of vectors. */
export const vectorsSuite: Suite = defineSuite(
  'vectors',
  vectors(),
  (test) => {
    collectionTests(test);
    contentTests(test);
    fieldTests(test);
    writeTests(test);
    searchTests(test);
    vectorFilterTests(test);
    textTests(test);

    test('upsert-and-get', 'documents come back as they were, in the order of the ids', async (t) => {
      const collection = await collectionOf(t);
      const documents: VectorInput[] = [
        {
          id: 'a',
          vector: [1, 0.5, -0.25],
          content: 'text é😀',
          metadata: { tags: ['x'], n: 1, nested: { 'a.b': null } },
        },
        { id: 'b', vector: Float32Array.of(3, 4, 0) },
        { id: 'é/"\'', vector: [0, 0, 2], content: '' },
      ];
      equal(await collection.upsert(documents), { count: 3, ids: ['a', 'b', 'é/"\''] }, 'what upsert answers');
      const [b, none, a, odd] = await collection.get(['b', 'none', 'a', 'é/"\'']);
      equal(none, undefined, 'a document that is not there');
      equal(
        a && { ...a, vector: undefined, createdAt: undefined },
        { id: 'a', content: 'text é😀', metadata: { tags: ['x'], n: 1, nested: { 'a.b': null } } },
        'the first',
      );
      equal([b?.content, b?.metadata, odd?.content], [undefined, {}, ''], 'content and metadata of the others');
      for (const [index, value] of [3, 4, 0].entries())
        within(b?.vector[index] ?? Number.NaN, value - 1e-4, value + 1e-4, `member ${index} of the vector`);
      equal(
        (await collection.get(['a'], { includeVectors: false }))[0]?.vector,
        [],
        'the vector when it was not asked for',
      );
      equal(await collection.count(), 3, 'count');
    });

    test('upsert-replaces', 'an upsert replaces a document whole', async (t) => {
      const collection = await collectionOf(t);
      await collection.upsert([{ id: 'a', vector: [1, 0, 0], content: 'old', metadata: { x: 1, y: 1 } }]);
      await collection.upsert([{ id: 'a', vector: [0, 1, 0], metadata: { x: 2 } }]);
      const [a] = await collection.get(['a']);
      equal([a?.content, a?.metadata], [undefined, { x: 2 }], 'content and metadata');
      within(a?.vector[1] ?? 0, 0.999, 1.001, 'the second member of the vector');
      equal(await collection.count(), 1, 'count');
      equal((await collection.search({ vector: [0, 1, 0], limit: 5, ...exactly(t) })).length, 1, 'matches of a search');
      equal(await collection.count(untyped({ y: 1 })), 0, 'documents with the old metadata');
    });

    test('makes-ids', 'a document without id gets one', async (t) => {
      const collection = await collectionOf(t);
      const { ids } = await collection.upsert([
        { vector: [1, 2, 3] },
        { id: 'own', vector: [1, 2, 3] },
        { id: '', vector: [1, 2, 3] },
      ]);
      equal(ids[1], 'own', 'an id that was given');
      equal(new Set(ids).size, 3, 'how many different ids');
      for (const id of [ids[0], ids[2]])
        ok(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id ?? ''), `${id} is a UUIDv7`);
      sameSet(await idsOf(collection), ids, 'ids of the documents');
    });

    test(
      'bad-vectors',
      'a vector of another dimension, of what is no number, or of zeros under cosine is refused, and nothing is stored',
      async (t) => {
        const [metric] = t.vectorFlags.metrics;
        const collection = await collectionOf(t);
        const bad: ArrayLike<number>[] = [
          [1, 2],
          [1, 2, 3, 4],
          [],
          [1, Number.NaN, 3],
          [1, Number.POSITIVE_INFINITY, 3],
          [1, 1e39, 3],
          [1, '2' as never, 3],
          [1, undefined as never, 3],
        ];
        if (metric === 'cosine') bad.push([0, 0, 0]);
        for (const vector of bad) {
          const shown = JSON.stringify(vector);
          await rejects(
            () =>
              collection.upsert([
                { id: 'good', vector: [1, 2, 3] },
                { id: 'bad', vector },
              ]),
            'invalid_argument',
            `upsert of ${shown}`,
          );
          await rejects(() => collection.search({ vector }), 'invalid_argument', `search for ${shown}`);
        }
        await rejects(
          () =>
            collection.upsert([
              { id: 'good', vector: [1, 2, 3] },
              { id: 'a\0', vector: [1, 2, 3] },
            ]),
          'invalid_argument',
          'an id with U+0000',
        );
        await rejects(
          () =>
            collection.upsert([
              { id: 'good', vector: [1, 2, 3] },
              { id: 'bad', vector: [1, 2, 3], metadata: { a: Number.NaN } },
            ]),
          'invalid_argument',
          'metadata of NaN',
        );
        equal(await collection.count(), 0, 'count');
      },
    );

    test('repeated-id', 'of an id that stands twice in an upsert the later document is what is there', async (t) => {
      const collection = await collectionOf(t);
      await collection.upsert([
        { id: 'a', vector: [1, 0, 0], metadata: { n: 1 } },
        { id: 'a', vector: [0, 1, 0], metadata: { n: 2 } },
      ]);
      equal((await collection.get(['a']))[0]?.metadata, { n: 2 }, 'metadata');
      equal(await collection.count(), 1, 'count');
    });

    test('iterate', 'iterate meets every document that matches exactly once, also while others change', async (t) => {
      const collection = await collectionOf(t);
      await collection.upsert(
        Array.from({ length: 300 }, (_, index) => ({
          id: `d${index}`,
          vector: [1, index, 1],
          metadata: { odd: index % 2 },
        })),
      );
      const met: string[] = [];
      for await (const document of collection.iterate({ filter: untyped({ odd: 1 }) })) {
        met.push(document.id);
        if (met.length % 20 === 0) await collection.delete([document.id]);
      }
      equal(met.length, new Set(met).size, 'no id twice');
      equal(met.length, 150, 'how many were met');
    });
  },
  vectorsLimitMs,
);
