import { type Metric, namespaceNames, type VectorCollection, type VectorInput, type VectorStore } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import fc from 'fast-check';
import { equal, fail, ok, rejects, sameSet, within } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { vectors } from '../needs.ts';
import { documentArbitrary } from '../properties/arbitraries.ts';
import { checkProperty } from '../properties/check.ts';
import {
  checkAlgebra,
  checkRandomFilters,
  type FilterSubject,
  untyped,
  vectorPaths,
} from '../properties/filter-properties.ts';
import { randomNumbers, randomVector, referenceScore, tolerance } from '../properties/vector-reference.ts';
import { defineSuite, type Suite } from '../suite.ts';

const all = vectors();

/** A collection of three dimensions, by the first metric that the backend has unless one is named. */
async function collectionOf(
  t: TestContext,
  metric: Metric | undefined = t.vectorFlags.metrics[0],
  dimension = 3,
): Promise<VectorCollection> {
  const store = await t.vectors();
  await store.createCollection('c', { dimension, metric });
  return store.collection('c');
}

async function idsOf(collection: VectorCollection): Promise<string[]> {
  const ids: string[] = [];
  for await (const document of collection.iterate()) ids.push(document.id);
  return ids;
}

async function names(store: VectorStore): Promise<string[]> {
  return (await store.listCollections({ limit: 1000 })).items.map((info) => info.name);
}

/** Asks for an exact search where that has to be asked for. */
function exactly(t: TestContext): { readonly exact?: true } {
  return t.vectorFlags.exact === 'on-request' ? { exact: true } : {};
}

/** Collections of vectors. */
export const vectorsSuite: Suite = defineSuite('vectors', all, (test) => {
  test('collections', 'collections are made, told, listed by name and deleted', async (t) => {
    const store = await t.vectors();
    const [metric] = t.vectorFlags.metrics;
    equal(await store.getCollection('none'), undefined, 'a collection that is not there');
    const made = await store.createCollection('b.1', {
      dimension: 4,
      metric,
      metadata: { model: 'm', at: new Date(0) },
    });
    equal([made.name, made.dimension, made.metric, made.count], ['b.1', 4, metric, 0], 'what createCollection answers');
    await store.createCollection('a-2', { dimension: 2, metric });
    await store.createCollection('Z_3', { dimension: 2, metric });
    const told = (await store.getCollection('b.1')) ?? fail('the collection is there');
    equal(told.metadata, { model: 'm', at: '1970-01-01T00:00:00.000Z' }, 'metadata');
    equal([told.dimension, told.metric], [4, metric], 'dimension and metric');
    equal(await names(store), ['Z_3', 'a-2', 'b.1'], 'names in code point order');
    const first = await store.listCollections({ limit: 2 });
    const second = await store.listCollections({ limit: 2, cursor: first.cursor });
    equal(
      [...first.items, ...second.items].map((info) => info.name),
      ['Z_3', 'a-2', 'b.1'],
      'names in pages of 2',
    );
    equal(await store.deleteCollection('a-2'), true, 'deleteCollection');
    equal(await store.deleteCollection('a-2'), false, 'deleteCollection again');
    equal(await names(store), ['Z_3', 'b.1'], 'names left');
  });

  test(
    'default-metric',
    'a collection of no metric is cosine',
    vectors((flags) => flags.metrics.includes('cosine')),
    async (t) => {
      const store = await t.vectors();
      equal((await store.createCollection('c', { dimension: 2 })).metric, 'cosine', 'metric');
    },
  );

  test('metrics', 'a metric that the capabilities do not name is refused', async (t) => {
    const store = await t.vectors();
    for (const metric of ['cosine', 'dot_product', 'euclidean', 'manhattan' as Metric]) {
      if ((t.vectorFlags.metrics as readonly string[]).includes(metric)) {
        equal(
          (await store.createCollection(metric, { dimension: 2, metric: metric as Metric })).metric,
          metric,
          'metric',
        );
      } else
        await rejects(
          () => store.createCollection(metric, { dimension: 2, metric: metric as Metric }),
          ['unsupported', 'invalid_argument'],
          `metric ${metric}`,
        );
    }
  });

  test(
    'collection-that-is-there',
    'a second createCollection is already_exists, with ifAbsent the same collection or invalid_state',
    async (t) => {
      const store = await t.vectors();
      const [metric, other] = t.vectorFlags.metrics;
      await store.createCollection('c', { dimension: 3, metric });
      await store.collection('c').upsert([{ id: 'a', vector: [1, 2, 3] }]);
      await rejects(
        () => store.createCollection('c', { dimension: 3, metric }),
        'already_exists',
        'createCollection again',
      );
      equal(
        (await store.createCollection('c', { dimension: 3, metric, ifAbsent: true })).count,
        1,
        'count that ifAbsent answers',
      );
      await rejects(
        () => store.createCollection('c', { dimension: 4, metric, ifAbsent: true }),
        'invalid_state',
        'another dimension',
      );
      if (other !== undefined)
        await rejects(
          () => store.createCollection('c', { dimension: 3, metric: other, ifAbsent: true }),
          'invalid_state',
          'another metric',
        );
      equal(await store.collection('c').count(), 1, 'count afterwards');
    },
  );

  test(
    'made-at-once',
    'of callers that make one collection at once, one makes it and all with ifAbsent get it',
    async (t) => {
      const store = await t.vectors();
      const [metric] = t.vectorFlags.metrics;
      const made = await Promise.all(
        Array.from({ length: 8 }, () => store.createCollection('c', { dimension: 2, metric, ifAbsent: true })),
      );
      equal(
        made.map((info) => info.dimension),
        made.map(() => 2),
        'dimensions',
      );
      const tries = await Promise.all(
        Array.from({ length: 8 }, () =>
          store.createCollection('d', { dimension: 2, metric }).then(
            () => 'made',
            (error: { code?: string }) => error.code,
          ),
        ),
      );
      equal(tries.filter((end) => end === 'made').length, 1, 'how many made it');
      equal(tries.filter((end) => end === 'already_exists').length, 7, 'how many were told that it is there');
    },
  );

  test('bad-collections', 'a name, dimension or metric that is not legal is refused', async (t) => {
    const store = await t.vectors();
    const [metric] = t.vectorFlags.metrics;
    for (const name of ['', '-a', '.a', '_a', 'a b', 'a/b', "a'b", 'a"b', 'a;b', 'é', 'x'.repeat(64), 1 as never])
      await rejects(
        () => store.createCollection(name, { dimension: 2, metric }),
        ['invalid_argument', 'too_large'],
        `the name ${JSON.stringify(name)}`,
      );
    for (const dimension of [0, -1, 1.5, Number.NaN, t.vectorFlags.maxDimension + 1, '3' as never])
      await rejects(
        () => store.createCollection('c', { dimension, metric }),
        ['invalid_argument', 'too_large'],
        `the dimension ${dimension}`,
      );
    equal(await names(store), [], 'names');
    await store.createCollection('x'.repeat(63), { dimension: 1, metric });
  });

  test('largest-dimension', 'vectors of maxDimension are kept', async (t) => {
    const dimension = Math.min(t.vectorFlags.maxDimension, 4096);
    const collection = await collectionOf(t, undefined, dimension);
    const vector = randomVector(randomNumbers(t.seed), dimension);
    await collection.upsert([{ id: 'a', vector }]);
    const [found] = await collection.search({ vector, limit: 1, ...exactly(t) });
    equal(found?.document.id, 'a', 'the closest');
  });

  test('no-collection', 'calls on a collection that is not there are not_found', async (t) => {
    const store = await t.vectors();
    const collection = store.collection('none');
    await rejects(() => collection.upsert([{ id: 'a', vector: [1] }]), 'not_found', 'upsert');
    await rejects(() => collection.get(['a']), 'not_found', 'get');
    await rejects(() => collection.search({ vector: [1] }), 'not_found', 'search');
    await rejects(() => collection.count(), 'not_found', 'count');
    await rejects(() => collection.delete(['a']), 'not_found', 'delete');
    await rejects(() => idsOf(collection), 'not_found', 'iterate');
  });

  test(
    'deleted-collection-is-empty',
    'a collection that is deleted and made again has nothing of the old one',
    async (t) => {
      const store = await t.vectors();
      const [metric] = t.vectorFlags.metrics;
      await store.createCollection('c', { dimension: 2, metric });
      const collection = store.collection('c');
      await collection.upsert([{ id: 'a', vector: [1, 2] }]);
      await collection.namespace('n').upsert([{ id: 'b', vector: [1, 2] }]);
      await store.deleteCollection('c');
      await rejects(() => collection.search({ vector: [1, 2] }), 'not_found', 'search in between');
      await store.createCollection('c', { dimension: 3, metric });
      equal(await collection.count(), 0, 'count');
      equal(await collection.namespace('n').count(), 0, 'count of its namespace');
      equal(await collection.search({ vector: [1, 2, 3] }), [], 'search');
    },
  );

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
    equal(await collection.upsert(documents), ['a', 'b', 'é/"\''], 'ids');
    const [b, none, a, odd] = await collection.get(['b', 'none', 'a', 'é/"\'']);
    equal(none, undefined, 'a document that is not there');
    equal(
      a && { ...a, vector: undefined },
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
    const ids = await collection.upsert([
      { vector: [1, 2, 3] },
      { id: 'own', vector: [1, 2, 3] },
      { vector: [1, 2, 3] },
    ]);
    equal(ids[1], 'own', 'an id that was given');
    equal(new Set(ids).size, 3, 'how many different ids');
    for (const id of [ids[0], ids[2]])
      ok(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id ?? ''), `${id} is a UUIDv7`);
    sameSet(await idsOf(collection), ids, 'ids of the documents');
  });

  test('delete', 'delete tells how many were there', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(['a', 'b', 'c'].map((id, index) => ({ id, vector: [index + 1, 1, 1] })));
    equal(await collection.delete(['a', 'none', 'c']), 2, 'how many were there');
    sameSet(await idsOf(collection), ['b'], 'ids left');
    equal(
      (await collection.search({ vector: [1, 1, 1], limit: 5, ...exactly(t) })).map((match) => match.document.id),
      ['b'],
      'matches of a search',
    );
    equal(await collection.delete([]), 0, 'delete of nothing');
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
            { id: '', vector: [1, 2, 3] },
          ]),
        'invalid_argument',
        'an empty id',
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
    const found = await collection.search({ vector: [1, 2, 3], limit: 10, ...exactly(t) });
    equal(
      found.map((match) => match.document.id),
      ['B', 'a', 'b', 'c', 'd', '｡', '😀'],
      'ids',
    );
    const few = await collection.search({ vector: [1, 2, 3], limit: 3, ...exactly(t) });
    equal(
      few.map((match) => match.document.id),
      ['B', 'a', 'b'],
      'ids of the first three',
    );
  });

  test('search-limits', 'a search answers at most its limit, 10 when none is given', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(Array.from({ length: 30 }, (_, index) => ({ id: `d${index}`, vector: [1, index, 1] })));
    equal((await collection.search({ vector: [1, 1, 1] })).length, 10, 'matches without limit');
    equal((await collection.search({ vector: [1, 1, 1], limit: 1 })).length, 1, 'matches with limit 1');
    equal(
      (await collection.search({ vector: [1, 1, 1], limit: Math.min(1000, t.vectorFlags.maxLimit) })).length,
      30,
      'matches with a limit over all',
    );
    for (const limit of [0, -1, 1.5, Number.NaN, t.vectorFlags.maxLimit + 1])
      await rejects(() => collection.search({ vector: [1, 1, 1], limit }), 'invalid_argument', `limit ${limit}`);
  });

  test('what-comes-back', 'search answers content and metadata, and vectors only when asked', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert([{ id: 'a', vector: [1, 2, 3], content: 'text', metadata: { m: 1 } }]);
    const [plain] = await collection.search({ vector: [1, 2, 3] });
    equal(plain?.document, { id: 'a', vector: [], content: 'text', metadata: { m: 1 } }, 'the document');
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

  test('delete-where', 'deleteWhere deletes what matches and nothing else', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(
      Array.from({ length: 50 }, (_, index) => ({
        id: `d${index}`,
        vector: [1, index, 1],
        metadata: index % 5 === 0 ? {} : { n: index % 5 },
      })),
    );
    ok(
      ['atomic', 'per-record', 'racy'].includes(t.vectorFlags.deleteWhere),
      'capabilities.vectors.deleteWhere is one of its values',
    );
    equal(await collection.deleteWhere(untyped({ n: { $in: [] } })), 0, 'how many an empty $in deleted');
    equal(await collection.deleteWhere(untyped({ n: { $gt: 1, $lt: 4 } })), 20, 'how many a range deleted');
    equal(await collection.deleteWhere(untyped({ n: { $ne: 1 } })), 20, 'how many a complement deleted');
    equal(await collection.count(), 10, 'count of what is left');
    await rejects(() => collection.deleteWhere(undefined as never), 'invalid_argument', 'deleteWhere without a filter');
    equal(await collection.deleteWhere({}), 10, 'how many {} deleted');
  });

  test(
    'upsert-is-whole',
    'an upsert of which one document is not legal stores none',
    vectors((flags) => flags.atomicUpsert),
    async (t) => {
      const collection = await collectionOf(t);
      const documents = Array.from({ length: 500 }, (_, index) => ({ id: `d${index}`, vector: [1, index, 1] }));
      await rejects(
        () => collection.upsert([...documents, { id: 'x'.repeat(513), vector: [1, 1, 1] }]),
        ['too_large', 'invalid_argument'],
        'a document with a long id',
      );
      equal(await collection.count(), 0, 'count');
      await collection.upsert(documents);
      equal(await collection.count(), 500, 'count after an upsert of 500');
    },
  );

  test('large-upsert', '2,000 documents at once are stored; over 10,000 are refused before any is', async (t) => {
    const collection = await collectionOf(t);
    equal(
      (
        await collection.upsert(
          Array.from({ length: 2000 }, (_, index) => ({ id: `d${index}`, vector: [1, index, 1] })),
        )
      ).length,
      2000,
      'ids',
    );
    equal(await collection.count(), 2000, 'count');
    equal((await idsOf(collection)).length, 2000, 'ids that iterate meets');
    await rejects(
      () => collection.upsert(Array.from({ length: 10_001 }, (_, index) => ({ id: `e${index}`, vector: [1, 1, 1] }))),
      ['too_large', 'invalid_argument'],
      'upsert of 10,001',
    );
    equal(await collection.count(), 2000, 'count afterwards');
    equal(t.vectorFlags.atomicUpsert === true || t.vectorFlags.atomicUpsert === false, true, 'atomicUpsert is stated');
  });

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

  test('namespaces', 'a namespace of a collection sees its own documents alone', async (t) => {
    const root = await collectionOf(t);
    const places = [
      root,
      root.namespace('acme'),
      root.namespace('acme-corp'),
      root.namespace('acme').namespace('x'),
      root.namespace('acme/x'),
    ];
    for (const [index, place] of places.entries())
      await place.upsert([
        { id: 'same', vector: [1, index, 1], metadata: { place: index } },
        { id: `own${index}`, vector: [1, index, 2], metadata: { place: index } },
      ]);
    for (const [index, place] of places.entries()) {
      equal(await place.count(), 2, `count of place ${index}`);
      sameSet(await idsOf(place), ['same', `own${index}`], `ids of place ${index}`);
      sameSet(
        (await place.search({ vector: [1, 1, 1], limit: 10 })).map((match) => match.document.id),
        ['same', `own${index}`],
        `matches in place ${index}`,
      );
      equal((await place.get(['same']))[0]?.metadata, { place: index }, `metadata in place ${index}`);
      equal(await place.count(untyped({ place: { $gte: 0 } })), 2, `count of a filter in place ${index}`);
      equal(
        await place.search({ vector: [1, 1, 1], filter: untyped({ place: index + 1 }) }),
        [],
        `matches of another place's filter in place ${index}`,
      );
    }
    equal(await places[1]?.delete(['same', 'own2']), 1, 'delete in acme of an id of acme-corp');
    equal(await places[1]?.deleteWhere({}), 1, 'deleteWhere in acme');
    equal(await Promise.all(places.map((place) => place.count())), [2, 0, 2, 2, 2], 'counts afterwards');
    equal(namespaceNames('acme~1x'), ['acme/x'], 'the name of the last place');
  });

  test('drop-namespace', 'dropNamespace deletes its documents, and those below with recursive', async (t) => {
    const store = await t.vectors();
    await store.createCollection('c', { dimension: 3, metric: t.vectorFlags.metrics[0] });
    const root = store.collection('c');
    const places = [
      root,
      root.namespace('a'),
      root.namespace('a').namespace('b'),
      root.namespace('a%'),
      root.namespace('ab'),
    ];
    for (const place of places) await place.upsert([{ id: 'd', vector: [1, 2, 3] }]);
    equal((await store.getCollection('c'))?.count, 5, 'count that the collection tells');
    await root.namespace('a').dropNamespace();
    equal(await Promise.all(places.map((place) => place.count())), [1, 0, 1, 1, 1], 'counts after dropping a');
    await root.namespace('a').upsert([{ id: 'd', vector: [1, 2, 3] }]);
    const { deleted } = await root.namespace('a').dropNamespace({ recursive: true });
    if (deleted !== undefined) equal(deleted, 2, 'deleted');
    equal(
      await Promise.all(places.map((place) => place.count())),
      [1, 0, 0, 1, 1],
      'counts after dropping a and below',
    );
    await root.namespace('a').dropNamespace({ recursive: true });
  });
});

const filterPool: readonly object[] = [
  {},
  { a: 1 },
  { a: { $ne: 1 } },
  { a: { $exists: true } },
  { b: { $gt: 0 } },
  { $not: { a: { $startsWith: 'a' } } },
  { a: { $in: ['a', 1, true] } },
  { none: 1 },
];

/** A collection of random metadata. */
async function subjectOf(
  t: TestContext,
): Promise<{
  collection: VectorCollection;
  subject: FilterSubject;
  closest: (query: readonly number[], filter: object) => number[];
}> {
  const metric: Metric = t.vectorFlags.metrics[0] ?? 'cosine';
  const collection = await collectionOf(t, metric);
  const next = randomNumbers(t.seed);
  const samples = fc.sample(documentArbitrary, { seed: t.seed, numRuns: 200 });
  const inputs = samples.map((metadata, index) => ({
    id: `d${String(index).padStart(3, '0')}`,
    vector: randomVector(next, 3),
    metadata: metadata as Record<string, never>,
  }));
  await collection.upsert(inputs);
  const documents = new Map(
    (await collection.get(inputs.map((input) => input.id))).map((document) => [
      document?.id ?? '',
      document?.metadata as unknown,
    ]),
  );
  equal(documents.size, 200, 'how many documents are there');
  const limit = Math.min(200, t.vectorFlags.maxLimit);
  const subject: FilterSubject = {
    documents,
    query: async (filter) => {
      const ids: string[] = [];
      for await (const document of collection.iterate({ filter: untyped(filter), includeVectors: false }))
        ids.push(document.id);
      // What a search finds is what iterate meets.
      const found = await collection.search({ vector: [1, 1, 1], limit, filter: untyped(filter) });
      equal(found.length, Math.min(limit, ids.length), `matches of a search of ${JSON.stringify(filter)}`);
      return ids;
    },
    count: (filter) => collection.count(untyped(filter)),
  };
  const closest = (query: readonly number[], filter: object): number[] => {
    const matches = compileEvaluator(filter);
    return inputs
      .filter((input) => matches(documents.get(input.id)))
      .map((input) => referenceScore(metric, query, input.vector))
      .sort((a, b) => b - a);
  };
  return { collection, subject, closest };
}
