import { isStorageError, type UpsertResult, type VectorCollection, type VectorInput } from '@storage/core';
import { equal, fail, ok, rejects, sameSet } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { vectors } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import { original } from '../settle.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, exactly, idsOf } from './vector-documents.ts';

/** What reads of every kind find in a collection. */
async function found(
  t: TestContext,
  collection: VectorCollection,
  ids: readonly string[],
): Promise<readonly unknown[]> {
  const filter = untyped({ there: true });
  const search = await collection.search({ vector: [1, 2, 3], limit: 10, ...exactly(t) });
  const filtered = await collection.search({ vector: [1, 2, 3], limit: 10, filter, ...exactly(t) });
  return [
    (await collection.get(ids)).map((document) => document?.metadata['version']),
    search.map(({ document }) => `${document.id}${document.metadata['version']}`).sort(),
    filtered.length,
    (await idsOf(collection)).sort(),
    await collection.count(),
    await collection.count(filter),
  ];
}

/** A text whose JSON, as the metadata of a document together with its content, takes this many bytes. */
function sized(bytes: number): Pick<VectorInput, 'content' | 'metadata'> {
  const content = 'é'.repeat(100);
  const rest = bytes - Buffer.byteLength(content) - Buffer.byteLength(JSON.stringify({ text: '' }));
  return { content, metadata: { text: 'x'.repeat(rest) } };
}

/** Breaks the connection while a batch is on its way. Answers how the upsert ended. */
async function upsertCutOff(
  t: TestContext,
  run: { readonly backend: Parameters<typeof original>[0]; readonly collection: VectorCollection },
  documents: readonly VectorInput[],
  afterMs: number,
): Promise<UpsertResult | Error> {
  const outage = t.harness.outage ?? fail('the harness has no `outage`');
  const backend = original(run.backend);
  const upsert = run.collection.upsert(documents, { timeoutMs: 5000 }).catch((error: Error) => error);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await outage.begin(backend);
  try {
    return await upsert;
  } finally {
    await outage.end(backend);
  }
}

/** Changes of documents. */
export function writeTests(test: AddTest): void {
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
    for (const none of [undefined, null]) {
      await rejects(() => collection.deleteWhere(none as never), 'invalid_argument', `deleteWhere of ${none}`);
    }
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
      ).count,
      2000,
      'how many were stored',
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

  test(
    'too-large-metadata',
    'content and metadata of maxMetadataBytes are kept, over it they are too_large and nothing of the batch is stored',
    async (t) => {
      const { maxMetadataBytes } = t.vectorFlags;
      const collection = await collectionOf(t);
      if (maxMetadataBytes === null) {
        const large = sized(300_000);
        await collection.upsert([{ id: 'large', vector: [1, 2, 3], ...large }]);
        const [read] = await collection.get(['large']);
        equal([read?.content, read?.metadata], [large.content, large.metadata], 'content and metadata of 300 kB');
        return;
      }
      for (const over of [sized(maxMetadataBytes + 1), { content: 'x'.repeat(maxMetadataBytes - 1) }]) {
        const bad = { id: 'bad', vector: [1, 2, 3], ...over };
        const { details, applied } = await rejects(
          () => collection.upsert([{ id: 'good', vector: [1, 2, 3] }, bad]),
          'too_large',
          'a document over the limit',
        );
        equal(
          [details?.['limit'], details?.['actual'], applied],
          [maxMetadataBytes, maxMetadataBytes + 1, 'no'],
          'details',
        );
      }
      equal(await collection.count(), 0, 'count');
      const exact = sized(maxMetadataBytes);
      await collection.upsert([{ id: 'exact', vector: [1, 2, 3], ...exact }]);
      const [read] = await collection.get(['exact']);
      equal([read?.content, read?.metadata], [exact.content, exact.metadata], 'content and metadata at the limit');
    },
  );

  test(
    'stored-at-once',
    'of two upserts of one id at once, one is there; whole, where replace is atomic',
    async (t) => {
      const backend = await t.open();
      const store = backend.vectors ?? fail('the backend has vectors');
      await store.createCollection('c', { dimension: 3, metric: t.vectorFlags.metrics[0] });
      const { replace } = t.vectorFlags;
      let two = store;
      if (replace === 'atomic' && t.capabilities.persistent) {
        const again = await t.reopen(backend);
        await again.open();
        two = again.vectors ?? fail('the backend has vectors');
      }
      const collection = store.collection('c');
      for (let round = 0; round < 10; round++) {
        await Promise.all([
          collection.upsert([{ id: 'a', vector: [1, 0, 0], content: 'left', metadata: { left: round } }]),
          two.collection('c').upsert([{ id: 'a', vector: [0, 1, 0], content: 'right', metadata: { right: round } }]),
        ]);
        const [a] = await collection.get(['a']);
        const side = a?.content ?? '';
        ok(side === 'left' || side === 'right', `the content in round ${round + 1} is one of both: ${side}`);
        equal(a?.metadata, { [side]: round }, `metadata of the document in round ${round + 1}`);
        ok((a?.vector[side === 'left' ? 0 : 1] ?? 0) > 0.9, `the vector in round ${round + 1} is that of ${side}`);
        equal(await collection.count(), 1, 'count');
      }
    },
  );

  test('wait-for', 'a write that waited is seen by every read, without waiting for anything else', async (t) => {
    const backend = await t.open();
    await backend.vectors?.createCollection('c', { dimension: 3, metric: t.vectorFlags.metrics[0] });
    // Not the backend whose reads the kit has wait.
    const store = original(backend).vectors ?? fail('the backend has vectors');
    const collection = store.collection('c').namespace('n');
    const waitFor = 'visible';
    const upsert = (version: number): Promise<UpsertResult> =>
      collection.upsert(
        ['a', 'b', 'c'].map((id, index) => ({ id, vector: [1, 2, index], metadata: { version, there: index !== 1 } })),
        { waitFor },
      );
    const ids = ['a', 'b', 'c'];
    for (const version of [1, 2, 3]) {
      await upsert(version);
      equal(
        await found(t, collection, ids),
        [[version, version, version], ids.map((id) => `${id}${version}`), 2, ids, 3, 2],
        `what reads find after version ${version}`,
      );
    }
    equal((await store.getCollection('c'))?.count, 3, 'count of the collection');
    await collection.delete(['a'], { waitFor });
    equal(await found(t, collection, ids), [[undefined, 3, 3], ['b3', 'c3'], 1, ['b', 'c'], 2, 1], 'after delete');
    await collection.deleteWhere(untyped({ there: true }), { waitFor });
    equal(await found(t, collection, ids), [[undefined, 3, undefined], ['b3'], 0, ['b'], 1, 0], 'after deleteWhere');
    await upsert(4);
    await collection.dropNamespace({ waitFor });
    equal(await found(t, collection, ids), [[undefined, undefined, undefined], [], 0, [], 0, 0], 'after dropNamespace');
    for (const bad of ['indexed', true, null] as never[])
      await rejects(() => collection.upsert([], { waitFor: bad }), 'invalid_argument', `waitFor ${bad}`);
  });

  test(
    'cut-off',
    'an upsert that loses its connection tells what it kept, and nothing else of it is there unless applied says so',
    ({ abort, vectors: flags }) => flags !== false && abort !== 'before-start',
    async (t) => {
      const backend = await t.open();
      const store = backend.vectors ?? fail('the backend has vectors');
      await store.createCollection('c', { dimension: 64, metric: t.vectorFlags.metrics[0] });
      const collection = store.collection('c');
      let failures = 0;
      for (const [round, afterMs] of [0, 15, 60, 200].entries()) {
        const documents = Array.from({ length: 3000 }, (_, index) => ({
          id: `r${round}-${index}`,
          vector: Float32Array.from({ length: 64 }, (_value, place) => 1 + ((index * place) % 7)),
        }));
        const ended = await upsertCutOff(t, { backend, collection }, documents, afterMs);
        const there = new Set((await idsOf(collection)).filter((id) => id.startsWith(`r${round}-`)));
        if (!(ended instanceof Error)) {
          equal([ended.count, there.size], [3000, 3000], 'documents of an upsert that did not fail');
          continue;
        }
        failures++;
        ok(isStorageError(ended), `the error is one of ours: ${ended}`);
        const { applied, details } = ended;
        ok(applied === 'no' || applied === 'unknown', `applied is told: ${applied}`);
        const kept = (details?.['kept'] ?? []) as readonly string[];
        equal(kept.filter((id) => !there.has(id)).slice(0, 3), [], 'ids that are told to be kept and are not there');
        const failed = (details?.['failed'] ?? documents.map(({ id }) => id)) as readonly string[];
        const allowed = new Set(applied === 'no' ? kept : [...kept, ...failed]);
        equal([...there].filter((id) => !allowed.has(id)).slice(0, 3), [], 'ids that are there and were not to be');
        if (t.vectorFlags.atomicUpsert)
          ok(there.size === 0 || there.size === 3000, `all or nothing is there: ${there.size} of 3000`);
      }
      ok(failures > 0, 'at least the upsert whose connection was gone at once fails');
    },
  );
}
