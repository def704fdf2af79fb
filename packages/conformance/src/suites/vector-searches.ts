import { equal, fail, ok, rejects, sameSet, within } from '../assert.ts';
import { untyped } from '../properties/filter-properties.ts';
import { randomNumbers, randomVector, referenceScore, tolerance } from '../properties/vector-reference.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, exactly } from './vector-documents.ts';

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

  test('distances', "a match's distance is the engine's own: it goes up or down with the score", async (t) => {
    const store = await t.vectors();
    const next = randomNumbers(t.seed);
    for (const metric of t.vectorFlags.metrics) {
      await store.createCollection(metric, { dimension: 8, metric });
      const collection = store.collection(metric);
      await collection.upsert(
        Array.from({ length: 40 }, (_, index) => ({ id: `d${index}`, vector: randomVector(next, 8) })),
      );
      const matches = await collection.search({ vector: randomVector(next, 8), limit: 20, ...exactly(t) });
      const distances = matches.flatMap(({ distance }) => (distance === undefined ? [] : [distance]));
      ok(distances.length === 0 || distances.length === 20, `every match of ${metric} has a distance, or none`);
      ok(distances.every(Number.isFinite), `distances of ${metric} are finite: ${distances}`);
      const steps = distances.slice(1).map((distance, index) => distance - (distances[index] ?? distance));
      ok(
        steps.every((step) => step >= -1e-6) || steps.every((step) => step <= 1e-6),
        `distances of ${metric} are in one order: ${distances}`,
      );
    }
  });

  test('exact', 'exact: true is answered where it can be, and unsupported where not', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert([{ id: 'a', vector: [1, 2, 3] }]);
    const search = (): Promise<unknown> => collection.search({ vector: [1, 2, 3], exact: true });
    if (t.vectorFlags.exact === 'never') await rejects(search, 'unsupported', 'exact: true');
    else equal(((await search()) as readonly unknown[]).length, 1, 'matches of an exact search');
  });
}
