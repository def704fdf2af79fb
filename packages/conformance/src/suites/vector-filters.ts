import { inspect } from 'node:util';
import type { UntypedFilter, VectorMatch } from '@storage/core';
import fc from 'fast-check';
import { equal, rejects, sameSet } from '../assert.ts';
import { illegalFilters } from '../properties/arbitraries.ts';
import { checkProperty } from '../properties/check.ts';
import { checkAlgebra, checkRandomFilters, untyped } from '../properties/filter-properties.ts';
import { checkQuestion, questionArbitrary, vectorPaths } from '../properties/vector-properties.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, exactly, filterSubjectOf, idsOf, patient, subjectOf } from './vector-documents.ts';

/** Filters of metadata. */
export function vectorFilterTests(test: AddTest): void {
  test('filtered-search', 'a filter is exact, and the answer is never short of what matches', async (t) => {
    const collection = await collectionOf(t);
    // Those that match are the farthest: an index that filters after searching finds none of them.
    await collection.upsert(
      Array.from({ length: 1000 }, (_, index) => ({
        id: `d${index}`,
        vector: [1, index / 100, 0],
        metadata: { late: index >= 990, n: index, tags: [`t${index % 7}`] },
      })),
    );
    const late = await collection.search({ vector: [1, 0, 0], limit: 10, filter: untyped({ late: true }) });
    sameSet(
      late.map((match) => match.document.id),
      Array.from({ length: 10 }, (_, index) => `d${990 + index}`),
      'ids of those that match',
    );
    equal(
      (await collection.search({ vector: [1, 0, 0], limit: 10, filter: untyped({ n: { $gt: 500, $lt: 503 } }) }))
        .length,
      2,
      'matches of a range with two ends',
    );
    equal(
      (await collection.search({ vector: [1, 0, 0], limit: 10, filter: untyped({ tags: 't3', n: { $lt: 50 } }) }))
        .length,
      7,
      'matches of an element of an array and a range',
    );
    equal(
      await collection.search({ vector: [1, 0, 0], filter: untyped({ n: { $in: [] } }) }),
      [],
      'matches of an empty $in',
    );
    equal(await collection.count(untyped({ n: { $ne: 5 } })), 999, 'count of a complement');
    await rejects(
      () => collection.search({ vector: [1, 0, 0], filter: untyped({ $where: '1' }) }),
      'invalid_argument',
      'what is no filter',
    );
  });

  test('refilled-search', 'what no index can look up is found among the farthest too, closest first', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(
      Array.from({ length: 1000 }, (_, index) => ({
        id: `d${String(index).padStart(3, '0')}`,
        vector: [1, index >= 993 ? index - 983 : index / 100, 0],
        metadata: { name: `${index >= 993 ? 'late' : 'soon'} ${index}`, 'q"t': { n: [index, `${index}`] } },
      })),
    );
    const filters = [
      { name: { $startsWith: 'late' } },
      { name: { $lt: 'm', $gt: 'lat' } },
      { $not: { name: { $startsWith: 'soon' } } },
      { 'q"t.n': { $gte: 993 } },
      { 'q"t.n': { $in: [993, 994, 995, 996, 997, 998, 999].map(String) } },
      { $and: [{ name: { $exists: true } }, { name: { $gte: 'late', $lte: 'late 999' } }] },
    ];
    const late = ['d993', 'd994', 'd995', 'd996', 'd997', 'd998', 'd999'];
    const check = async (filter: UntypedFilter): Promise<void> => {
      const search = (query: { limit: number; minScore?: number }): Promise<readonly VectorMatch[]> =>
        collection.search({ vector: [1, -1, 0], filter, ...query, ...exactly(t) });
      const [three, ten] = await Promise.all([search({ limit: 3 }), search({ limit: 10 })]);
      const shown = JSON.stringify(filter);
      equal(
        three.map(({ document }) => document.id),
        late.slice(0, 3),
        `the first 3 of ${shown}`,
      );
      equal(
        ten.map(({ document }) => document.id),
        late,
        `the first 10 of ${shown}`,
      );
      const minScore = (three[2]?.score ?? 0) - 1e-3;
      equal((await search({ limit: 10, minScore })).length, 3, `matches of ${shown} as close as the third`);
    };
    await Promise.all(filters.map(check));
  });

  test('illegal-filters', 'what is no filter is refused by every call that takes one', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert([{ id: 'a', vector: [1, 2, 3] }]);
    for (const illegal of illegalFilters) {
      // None is every document, where a filter may be missing.
      if (illegal === undefined) continue;
      for (const wrapped of [illegal, { $and: [illegal] }, { $not: illegal }]) {
        const filter = wrapped as never;
        const shown = inspect(wrapped, { depth: 5 });
        await rejects(() => collection.search({ vector: [1, 2, 3], filter }), 'invalid_argument', `search ${shown}`);
        await rejects(() => collection.count(filter), 'invalid_argument', `count ${shown}`);
        await rejects(() => idsOf(collection, filter), 'invalid_argument', `iterate ${shown}`);
        await rejects(() => collection.deleteWhere(filter), 'invalid_argument', `deleteWhere ${shown}`);
      }
    }
    equal(await collection.count(), 1, 'count');
  });

  test('random-filters', 'random filters over random metadata find what the reference finds', async (t) => {
    await checkRandomFilters(t, filterSubjectOf(await subjectOf(t)), vectorPaths, t.runs, patient);
  });

  test('algebra', 'a filter of metadata and its complement are everything, and De Morgan holds', async (t) => {
    await checkAlgebra(t, filterSubjectOf(await subjectOf(t)), vectorPaths, t.runs / 4, patient);
  });

  test(
    'search-finds-the-closest',
    'a search with a random filter answers those that match and no other, the closest of them where it is exact',
    async (t) => {
      const subject = await subjectOf(t);
      const property = fc.asyncProperty(questionArbitrary(subject.documents.size), (question) =>
        checkQuestion(subject, question).then(() => undefined),
      );
      await checkProperty(t, property, t.runs, patient);
    },
  );
}
