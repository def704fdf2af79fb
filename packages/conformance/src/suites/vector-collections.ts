import { type CollectionInfo, type Metric, namespaceNames } from '@storage/core';
import { equal, fail, rejects, sameSet } from '../assert.ts';
import { vectors } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import { randomNumbers, randomVector } from '../properties/vector-reference.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, exactly, idsOf, names } from './vector-documents.ts';

/** Making, telling and deleting collections. */
export function collectionTests(test: AddTest): void {
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
    const alias = (): Promise<CollectionInfo> =>
      store.createCollection('alias', { dimension: 2, metric: 'inner_product' });
    if (t.vectorFlags.metrics.includes('dot_product'))
      equal((await alias()).metric, 'dot_product', 'the metric that inner_product is another name for');
    else await rejects(alias, 'unsupported', 'metric inner_product');
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
}
