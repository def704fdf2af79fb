import type { VectorCollection, VectorInput } from '@storage/core';
import { joinPath } from '@storage/core/filter';
import { equal, fail, ok, rejects, sameSet, within } from '../assert.ts';
import { untyped } from '../properties/filter-properties.ts';
import type { AddTest } from '../suite.ts';
import { collectionOf, documentsOf, exactly, idsOf } from './vector-documents.ts';

/** Ids that a mapping to what an engine takes may throw together. */
const ids: readonly string[] = [
  'a',
  'A',
  '1',
  '01',
  '1.0',
  '18446744073709551615',
  '550e8400-e29b-41d4-a716-446655440000',
  '550E8400-E29B-41D4-A716-446655440000',
  '550e8400e29b41d4a716446655440000',
  '{550e8400-e29b-41d4-a716-446655440000}',
  'urn:uuid:550e8400-e29b-41d4-a716-446655440000',
  '\u00e9',
  'e\u0301',
  '😀',
  'a b',
  ' a',
  'a/b',
  'a%2Fb',
  'a#b',
  'a\\b',
  '"',
  "'",
  '__proto__',
  'constructor',
  'null',
  'x'.repeat(512),
];

/** Members with names that a backend may keep its own things under. */
const lookalikes: readonly string[] = [
  '_t',
  '_n',
  '_ns',
  '_id',
  '_json',
  '_content',
  '_createdAt',
  '__json',
  '$t',
  'id',
  'ids',
  'text',
  'content',
  'document',
  'documents',
  'metadata',
  'payload',
  'vector',
  'embedding',
  'values',
  'score',
  'distance',
  'namespace',
  'collection',
  'createdAt',
  'created_at',
  'norm',
  'chroma:document',
  'hnsw:space',
];

const instants: readonly Date[] = [0, -1, 1_709_210_096_789, 8.64e15, -8.64e15].map((time) => new Date(time));

async function createdAtOf(collection: VectorCollection, id: string): Promise<number> {
  const [document] = await collection.get([id]);
  return (document ?? fail(`document ${id} is there`)).createdAt?.getTime() ?? Number.NaN;
}

/** What is kept of documents beside their vectors. */
export function contentTests(test: AddTest): void {
  test('created-at', 'createdAt is what was given, else now, and replaced like everything else', async (t) => {
    const collection = await collectionOf(t);
    const given = instants.map((createdAt, index): VectorInput => ({ id: `g${index}`, vector: [1, 2, 3], createdAt }));
    await collection.upsert(given);
    for (const [index, date] of instants.entries())
      equal(
        await createdAtOf(collection, `g${index}`),
        date.getTime(),
        `createdAt that was given as ${date.getTime()}`,
      );
    const from = t.clock.now();
    await collection.upsert([{ id: 'made', vector: [1, 2, 3] }]);
    within(await createdAtOf(collection, 'made'), from, t.clock.now(), 'createdAt that was made');
    for await (const document of collection.iterate())
      equal(
        document.createdAt?.getTime(),
        await createdAtOf(collection, document.id),
        'createdAt that iterate answers',
      );
    for (const { document } of await collection.search({ vector: [1, 2, 3], ...exactly(t) }))
      equal(document.createdAt?.getTime(), await createdAtOf(collection, document.id), 'createdAt of a match');
    await collection.upsert([{ id: 'made', vector: [1, 2, 3], createdAt: new Date(5) }]);
    equal(await createdAtOf(collection, 'made'), 5, 'createdAt of the document that replaced it');
    await collection.upsert([{ id: 'made', vector: [1, 2, 3] }]);
    ok((await createdAtOf(collection, 'made')) >= from, 'createdAt is made again where a replacement has none');
    for (const createdAt of [new Date(Number.NaN), 0 as never, '2024-01-01T00:00:00.000Z' as never, null as never])
      await rejects(
        () =>
          collection.upsert([
            { id: 'good', vector: [1, 2, 3] },
            { id: 'bad', vector: [1, 2, 3], createdAt },
          ]),
        'invalid_argument',
        `createdAt ${String(createdAt)}`,
      );
    equal((await collection.get(['good']))[0], undefined, 'a document beside one that was refused');
  });

  test('include-metadata', 'metadata stays away where it is not asked for, content never', async (t) => {
    const collection = await collectionOf(t);
    const whole = { id: 'a', content: 'text', metadata: { m: 'aXb' } };
    await collection.upsert([{ ...whole, vector: [1, 2, 3] }]);
    const filter = untyped({ m: { $startsWith: 'a' } });
    const query = { vector: [1, 2, 3], filter, ...exactly(t) };
    for (const includeMetadata of [true, false, undefined]) {
      const options = { includeMetadata, includeVectors: false };
      const expected = [{ ...whole, metadata: includeMetadata === false ? {} : whole.metadata, vector: [] }];
      const told = `with includeMetadata ${includeMetadata}`;
      const answers = {
        get: await collection.get(['a'], options),
        search: (await collection.search(query, options)).map(({ document }) => document),
        iterate: await documentsOf(collection, { ...options, filter }),
      };
      for (const [name, documents] of Object.entries(answers))
        equal(
          documents.map((document) => document && { ...document, createdAt: undefined }),
          expected,
          `what ${name} answers ${told}`,
        );
    }
    for (const options of [{ includeMetadata: 1 as never }, { includeVectors: 'yes' as never }])
      await rejects(() => collection.get(['a'], options), 'invalid_argument', JSON.stringify(options));
  });

  test('upsert-result', 'upsert tells how many it stored and their ids, from any iterable', async (t) => {
    const collection = await collectionOf(t);
    equal(await collection.upsert([]), { count: 0, ids: [] }, 'an upsert of nothing');
    const documents = function* (): Generator<VectorInput> {
      for (const id of ['b', 'a']) yield { id, vector: [1, 2, 3] };
    };
    equal(await collection.upsert(documents()), { count: 2, ids: ['b', 'a'] }, 'an upsert from a generator');
    const { count, ids: made } = await collection.upsert([{ vector: [1, 2, 3] }, { id: '', vector: [1, 2, 3] }]);
    equal([count, new Set(made).size], [2, 2], 'how many were stored, and how many ids were made');
    sameSet(await idsOf(collection), ['a', 'b', ...made], 'ids of the documents');
  });

  test('ids-are-told-apart', 'every id is its own document, whatever it looks like', async (t) => {
    const collection = await collectionOf(t);
    await collection.upsert(ids.map((id, index) => ({ id, vector: [1, index, 1], metadata: { index } })));
    sameSet(await idsOf(collection), ids, 'ids that iterate meets');
    equal(
      (await collection.get(ids)).map((document) => document?.metadata),
      ids.map((_, index) => ({ index })),
      'metadata by id',
    );
    const found = await collection.search({ vector: [1, 1, 1], limit: ids.length, ...exactly(t) });
    sameSet(
      found.map(({ document }) => document.id),
      ids,
      'ids of a search',
    );
    equal(await collection.delete(ids.filter((_, index) => index % 2 === 0)), ids.length / 2, 'how many were deleted');
    sameSet(
      await idsOf(collection),
      ids.filter((_, index) => index % 2 === 1),
      'ids left',
    );
  });

  test(
    'lookalikes',
    "members of metadata that look like an engine's own are kept, asked and shown like others",
    async (t) => {
      const collection = await collectionOf(t);
      const metadata = Object.fromEntries(
        lookalikes.map((name, index) => [name, index % 2 === 0 ? `v${index}` : index]),
      );
      await collection.upsert([
        { id: 'all', vector: [1, 2, 3], content: 'text', metadata, createdAt: new Date(7) },
        { id: 'bare', vector: [1, 2, 4] },
        ...lookalikes.map((name, index) => ({ id: `l${index}`, vector: [2, index, 1], metadata: { [name]: 'own' } })),
      ]);
      const [all, bare] = await collection.get(['all', 'bare'], { includeVectors: false });
      equal(all, { id: 'all', vector: [], content: 'text', metadata, createdAt: new Date(7) }, 'the document with all');
      equal([bare?.content, bare?.metadata], [undefined, {}], 'content and metadata of the one with none');
      for (const [index, name] of lookalikes.entries()) {
        const value = metadata[name] ?? fail('each has a value');
        equal(
          await idsOf(collection, { [joinPath([name])]: value }),
          ['all'],
          `documents in which ${name} is ${value}`,
        );
        equal(
          await idsOf(collection, { [joinPath([name])]: 'own' }),
          [`l${index}`],
          `documents in which ${name} is its own`,
        );
        sameSet(
          await idsOf(collection, { [joinPath([name])]: { $exists: true } }),
          ['all', `l${index}`],
          `documents with ${name}`,
        );
      }
    },
  );

  test('vectors-are-kept', 'vectors come back to 32 bits, whatever their length', async (t) => {
    const store = await t.vectors();
    const vectors = [
      [1, 2, 3],
      [3e4, -4e4, 1e-3],
      [1e-6, 2e-6, -3e-6],
      [0.1, 0.2, 0.7],
    ].map((vector) => vector.map(Math.fround));
    for (const metric of t.vectorFlags.metrics) {
      await store.createCollection(metric, { dimension: 3, metric });
      const collection = store.collection(metric);
      await collection.upsert(vectors.map((vector, index) => ({ id: `v${index}`, vector })));
      const read = await collection.get(vectors.map((_, index) => `v${index}`));
      for (const [index, vector] of vectors.entries())
        for (const [place, value] of vector.entries())
          within(
            read[index]?.vector[place] ?? Number.NaN,
            value - 1e-6 * Math.hypot(...vector),
            value + 1e-6 * Math.hypot(...vector),
            `${metric}: member ${place} of [${vector}]`,
          );
    }
  });
}
