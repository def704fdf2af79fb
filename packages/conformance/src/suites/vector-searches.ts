import fc from 'fast-check';
import { equal, fail, ok, rejects, sameSet, within } from '../assert.ts';
import { vectors } from '../needs.ts';
import { checkProperty } from '../properties/check.ts';
import { checkAlgebra, checkRandomFilters, untyped, vectorPaths } from '../properties/filter-properties.ts';
import { randomNumbers, randomVector, referenceScore, tolerance } from '../properties/vector-reference.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, exactly, filterPool, subjectOf } from './vector-documents.ts';

/** Searches. */
export function searchTests(test: AddTest): void {
  test('scores', 'scores are what the metric says, best first', async (t) => {
    const store = await t.vectors();
    const next = randomNumbers(t.seed);
    for (const metric of t.vectorFlags.metrics) {
      for (const scale of [1, 100]) {
        const name = `${metric}${scale}`;
        await store.createCollection(name, { dimension: 8, metric });
        const collection = store.collection(name);
        const documents = Array.from({ length: 60 }, (_, index) => ({
          id: `d${index}`,
          vector: randomVector(next, 8).map((value) => Math.fround(value * scale)),
        }));
        await collection.upsert(documents);
        for (let round = 0; round < 5; round++) {
          const query = randomVector(next, 8).map((value) => Math.fround(value * scale));
          const matches = await collection.search({ vector: query, limit: 10, ...exactly(t) });
          equal(matches.length, 10, 'how many matches');
          const expected = documents
            .map(({ id, vector }) => ({
              id,
              score: referenceScore(metric, query, vector),
              slack: tolerance(metric, query, vector),
            }))
            .sort((a, b) => b.score - a.score);
          for (const [rank, match] of matches.entries()) {
            const own =
              expected.find((entry) => entry.id === match.document.id) ??
              fail(`a match ${match.document.id} that was never stored`);
            within(match.score, own.score - own.slack, own.score + own.slack, `${metric} score of ${own.id}`);
            const best = expected[rank] ?? own;
            if (t.vectorFlags.exact !== 'never')
              within(
                own.score,
                best.score - 2 * best.slack,
                best.score + 2 * best.slack,
                `${metric} score at rank ${rank}`,
              );
          }
          ok(
            matches.every((match, rank) => rank === 0 || (matches[rank - 1]?.score ?? 0) >= match.score),
            'scores go down',
          );
        }
      }
    }
  });

  test('score-of-itself', 'a vector is closest to itself: cosine 1, distance 0', async (t) => {
    for (const metric of t.vectorFlags.metrics) {
      const collection = await collectionOf(t, metric);
      await collection.upsert([
        { id: 'a', vector: [3, 4, 0] },
        { id: 'opposite', vector: [-3, -4, 0] },
        { id: 'long', vector: [30, 40, 0] },
      ]);
      const matches = await collection.search({ vector: [3, 4, 0], limit: 3, ...exactly(t) });
      const score = Object.fromEntries(matches.map((match) => [match.document.id, match.score]));
      const expected = { cosine: [1, -1, 1], dot_product: [25, -25, 250], euclidean: [0, -10, -45] }[metric];
      for (const [index, id] of ['a', 'opposite', 'long'].entries())
        within(
          score[id] ?? Number.NaN,
          (expected[index] ?? 0) - 0.01,
          (expected[index] ?? 0) + 0.01,
          `${metric} score of ${id}`,
        );
    }
  });

  test('ties-by-id', 'equal scores are in the order of ids', async (t) => {
    const collection = await collectionOf(t);
    const ids = ['d', 'b', '😀', 'a', '｡', 'c', 'B'];
    await collection.upsert(ids.map((id) => ({ id, vector: [1, 2, 3] })));
    // Small limits first and again: an engine may answer the first search of a state in another way than later ones.
    for (const limit of [3, 3, 10, 3, 10]) {
      const found = await collection.search({ vector: [1, 2, 3], limit, ...exactly(t) });
      equal(
        found.map((match) => match.document.id),
        ['B', 'a', 'b', 'c', 'd', '｡', '😀'].slice(0, limit),
        `ids of the first ${limit}`,
      );
    }
  });

  test(
    'search-sees-writes',
    'a search sees every change that was made before it, however often it was asked',
    async (t) => {
      const store = await t.vectors();
      await store.createCollection('c', { dimension: 3, metric: t.vectorFlags.metrics[0] });
      const root = store.collection('c');
      const place = root.namespace('n');
      const expectIds = async (expected: readonly string[], what: string): Promise<void> => {
        for (let round = 0; round < 3; round++) {
          const found = await place.search({ vector: [1, 2, 3], limit: 10, ...exactly(t) });
          sameSet(
            found.map((match) => match.document.id),
            expected,
            `${what}, search ${round + 1}`,
          );
        }
      };
      await expectIds([], 'ids of an empty collection');
      await place.upsert(['a', 'b', 'c'].map((id) => ({ id, vector: [1, 2, 3] })));
      await expectIds(['a', 'b', 'c'], 'ids after an upsert');
      await root.upsert([{ id: 'elsewhere', vector: [1, 2, 3] }]);
      await expectIds(['a', 'b', 'c'], 'ids after an upsert elsewhere');
      await place.upsert([{ id: 'a', vector: [-1, -2, -3], metadata: { n: 1 } }]);
      const last = (await place.search({ vector: [1, 2, 3], limit: 10, ...exactly(t) })).at(-1);
      equal(
        { ...last?.document, createdAt: undefined },
        { id: 'a', vector: [], metadata: { n: 1 } },
        'the document that moved away',
      );
      await place.delete(['b']);
      await expectIds(['a', 'c'], 'ids after a delete');
      await place.deleteWhere(untyped({ n: 1 }));
      await expectIds(['c'], 'ids after deleteWhere');
      await place.dropNamespace();
      await expectIds([], 'ids after dropNamespace');
    },
  );

  test('search-limits', 'a search answers at most its limit, 10 when none is given', async (t) => {
    const { maxLimit } = t.vectorFlags;
    const collection = await collectionOf(t);
    await collection.upsert(Array.from({ length: 30 }, (_, index) => ({ id: `d${index}`, vector: [1, index, 1] })));
    equal((await collection.search({ vector: [1, 1, 1] })).length, 10, 'matches without limit');
    equal((await collection.search({ vector: [1, 1, 1], limit: 1 })).length, 1, 'matches with limit 1');
    equal(
      (await collection.search({ vector: [1, 1, 1], limit: Math.min(1000, maxLimit) })).length,
      30,
      'matches with a limit over all',
    );
    for (const limit of [0, -1, 1.5, Number.NaN, maxLimit + 1])
      await rejects(() => collection.search({ vector: [1, 1, 1], limit }), 'invalid_argument', `limit ${limit}`);
  });

  test('what-comes-back', 'search answers content and metadata, and vectors only when asked', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert([{ id: 'a', vector: [1, 2, 3], content: 'text', metadata: { m: 1 } }]);
    const [plain] = await collection.search({ vector: [1, 2, 3] });
    equal(
      { ...plain?.document, createdAt: undefined },
      { id: 'a', vector: [], content: 'text', metadata: { m: 1 } },
      'the document',
    );
    const [full] = await collection.search({ vector: [1, 2, 3] }, { includeVectors: true });
    equal(full?.document.vector.length, 3, 'length of the vector');
    for await (const document of collection.iterate())
      equal(document.vector.length, 3, 'length of the vector that iterate answers');
    for await (const document of collection.iterate({ includeVectors: false }))
      equal(document.vector, [], 'the vector that iterate leaves out');
  });

  test('min-score', 'minScore leaves out what is less close', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(
      [
        [1, 0, 0],
        [1, 1, 0],
        [0, 1, 0],
        [-1, 0, 0],
      ].map((vector, index) => ({ id: `d${index}`, vector })),
    );
    const whole = await collection.search({ vector: [1, 0, 0], limit: 4, ...exactly(t) });
    const third = whole[2] ?? fail('there are four matches');
    const found = await collection.search({ vector: [1, 0, 0], limit: 4, minScore: third.score - 1e-3, ...exactly(t) });
    equal(
      found.map((match) => match.document.id),
      whole.slice(0, 3).map((match) => match.document.id),
      'ids of those that are close enough',
    );
    equal(
      await collection.search({ vector: [1, 0, 0], minScore: 1e9, ...exactly(t) }),
      [],
      'matches that are closer than anything',
    );
  });

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

  test('random-filters', 'random filters over random metadata find what the reference finds', async (t) => {
    const { subject } = await subjectOf(t);
    await checkRandomFilters(t, subject, vectorPaths);
  });

  test('algebra', 'a filter of metadata and its complement are everything, and De Morgan holds', async (t) => {
    const { subject } = await subjectOf(t);
    await checkAlgebra({ ...t, runs: t.runs / 2 }, subject, vectorPaths);
  });

  test(
    'search-finds-the-closest',
    'a filtered search answers the closest of those that match',
    vectors((flags) => flags.exact !== 'never'),
    async (t) => {
      const { collection, subject, closest } = await subjectOf(t);
      const property = fc.asyncProperty(
        fc.constantFrom(...filterPool),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        async (filter, limit, seed) => {
          const query = randomVector(randomNumbers(seed), 3);
          const matches = await collection.search({ vector: query, limit, filter: untyped(filter), ...exactly(t) });
          const reference = closest(query, filter).slice(0, limit);
          equal(
            matches.length,
            reference.length,
            `how many matches of ${JSON.stringify(filter)}, of ${subject.documents.size}`,
          );
          for (const [rank, match] of matches.entries())
            within(
              match.score,
              (reference[rank] ?? 0) - 2e-3,
              (reference[rank] ?? 0) + 2e-3,
              `score at rank ${rank} of ${JSON.stringify(filter)}`,
            );
        },
      );
      await checkProperty(t, property, t.runs / 2);
    },
  );

  test('exact', 'exact: true is answered where it can be, and unsupported where not', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert([{ id: 'a', vector: [1, 2, 3] }]);
    const search = (): Promise<unknown> => collection.search({ vector: [1, 2, 3], exact: true });
    if (t.vectorFlags.exact === 'never') await rejects(search, 'unsupported', 'exact: true');
    else equal(((await search()) as readonly unknown[]).length, 1, 'matches of an exact search');
  });
}
