// The vendor's traps: each case is answered right by the backend, and wrong by the translation that suggests itself.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import type { Filter, VectorCollection } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import { onService } from '@storage/services/testing';
import type { PineconeBackend } from '../src/index.ts';
import { encodeRecord } from '../src/pinecone-records.ts';
import { Stores } from './stand-in.ts';

const documents: readonly { readonly id: string; readonly metadata: object }[] = [
  { id: 'number', metadata: { a: 5, b: 'x', at: '2024-05-01T00:00:00.000Z' } },
  { id: 'text', metadata: { a: '5', b: 'X', at: '2023-05-01T00:00:00.000Z' } },
  { id: 'true', metadata: { a: true, b: ['x', 'y'] } },
  { id: 'null', metadata: { a: null, b: 'xyz' } },
  { id: 'missing', metadata: { b: '' } },
  { id: 'empty', metadata: { a: [] } },
  { id: 'numbers', metadata: { a: [5, 9], at: ['2024-06-01T00:00:00.000Z'] } },
  { id: 'mixed', metadata: { a: ['5', 7, true, null] } },
  { id: 'nested', metadata: { a: { b: 5, c: { d: ['x'] } } } },
  { id: 'dotted', metadata: { 'a.b': 5 } },
  { id: 'dollar', metadata: { $a: 5 } },
];

/** Filters, and whether the translation that suggests itself is wrong about them. */
const cases: readonly { readonly filter: object; readonly naive?: 'wrong' }[] = [
  { filter: { a: 5 }, naive: 'wrong' },
  { filter: { a: { $ne: 5 } }, naive: 'wrong' },
  { filter: { a: { $nin: [5, '5'] } }, naive: 'wrong' },
  { filter: { a: { $in: [true] } }, naive: 'wrong' },
  { filter: { a: { $in: [] } }, naive: 'wrong' },
  { filter: { a: { $exists: true } }, naive: 'wrong' },
  { filter: { a: { $exists: false } }, naive: 'wrong' },
  { filter: { a: null }, naive: 'wrong' },
  { filter: { a: { $gt: 4 } }, naive: 'wrong' },
  { filter: { a: { $not: { $gt: 4 } } }, naive: 'wrong' },
  { filter: { a: { $gt: 4, $lt: 6 } }, naive: 'wrong' },
  { filter: { b: { $in: ['x', 'X'] } } },
  { filter: { b: { $gt: 'X' } }, naive: 'wrong' },
  { filter: { b: { $startsWith: 'x' } }, naive: 'wrong' },
  { filter: { $not: { b: { $startsWith: 'x' } } }, naive: 'wrong' },
  { filter: { b: { $contains: 'x' } }, naive: 'wrong' },
  { filter: { b: 'x' } },
  { filter: { 'a.b': 5 }, naive: 'wrong' },
  { filter: { 'a.c.d': 'x' }, naive: 'wrong' },
  { filter: { 'a\\.b': 5 }, naive: 'wrong' },
  { filter: { $a: 5 } as object, naive: 'wrong' },
  { filter: { $and: [] }, naive: 'wrong' },
  { filter: { $or: [{ a: 5 }, { $not: { b: 'x' } }] }, naive: 'wrong' },
  { filter: { at: { $gte: '2024-01-01T00:00:00.000Z' } }, naive: 'wrong' },
];
// A key that begins with `$` is asked for with the escape of the filter language.
const asked = (filter: object): Filter => ('$a' in filter ? { '\\$a': 5 } : (filter as Filter));

const expectedOf = (filter: object): string[] => {
  const matches = compileEvaluator(asked(filter));
  return documents.filter(({ metadata }) => matches(metadata)).map(({ id }) => id);
};

async function idsOf(collection: VectorCollection, filter: object): Promise<string[]> {
  const matches = await collection.search({ vector: [1, 1], limit: 100, filter: asked(filter) });
  const met: string[] = [];
  for await (const { id } of collection.iterate({ filter: asked(filter) })) met.push(id);
  expect(matches.map(({ document }) => document.id).sort()).toEqual([...met].sort());
  return met;
}

/** What of the metadata the vendor takes, as it is. */
function taken(metadata: object): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(
    Object.entries(metadata).filter(
      ([key, value]) =>
        !key.startsWith('$') &&
        (['string', 'number', 'boolean'].includes(typeof value) ||
          (Array.isArray(value) && value.every((element) => typeof element === 'string'))),
    ),
  ) as Record<string, string | number | boolean | string[]>;
}

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);
  let store: PineconeBackend;
  let collection: VectorCollection;
  let bare: VectorCollection;
  const sdk = new Pinecone({ apiKey: 'any', controllerHostUrl: url });
  let query: (filter: object) => Promise<string[]>;

  beforeAll(async () => {
    store = await stores.open();
    const fields = { at: 'date' } as const;
    await store.vectors.createCollection('traps', { dimension: 2, fields });
    collection = store.vectors.collection('traps');
    const vector = [1, 2];
    await collection.upsert(
      documents.map(({ id, metadata }) => ({ id, vector, metadata: metadata as never })),
      { waitFor: 'visible' },
    );
    // The same documents as their records are, without the fields that are written beside.
    await store.vectors.createCollection('bare', { dimension: 2, fields });
    bare = store.vectors.collection('bare');
    const { indexes = [] } = await sdk.listIndexes();
    const tagged = indexes.find(({ tags }) => tags?.['storage-name'] === 'bare');
    const index = sdk.index({ host: tagged?.host ?? '', namespace: '__default__' });
    const records = documents.map(({ id, metadata }) => {
      const row = { id, vector: Float32Array.from(vector), content: undefined, createdAt: 0 };
      const record = encodeRecord({ ...row, metadata: JSON.stringify(metadata) }, new Set());
      const kept = Object.entries(record.metadata).filter(([name]) => !name.startsWith('_s_') && !name.includes('~'));
      return { id, values: [...vector], metadata: Object.fromEntries(kept) };
    });
    await index.upsert({ records });
    // And as somebody would write them who knows no better.
    const naive = index.namespace('naive');
    await naive.upsert({
      records: documents.map(({ id, metadata }) => ({ id, values: [...vector], metadata: taken(metadata) })),
    });
    query = async (filter) => {
      const { matches } = await naive.query({ vector: [...vector], topK: 100, filter });
      return matches.map(({ id }) => id);
    };
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  afterAll(() => store.close());

  describe.each(cases.map((each) => [JSON.stringify(each.filter), each] as const))('%s', (_text, { filter, naive }) => {
    it('is answered as the reference does', async () => {
      expect((await idsOf(collection, filter)).sort()).toEqual(expectedOf(filter).sort());
      expect(await collection.count(asked(filter))).toBe(expectedOf(filter).length);
    });

    it(`is ${naive === 'wrong' ? 'wrong' : 'right'} when it is sent as it is`, async () => {
      const answer = await query(filter).then(
        (ids) => ids.sort(),
        () => ['refused'],
      );
      const expected = expectedOf(filter).sort();
      if (naive === 'wrong') expect(answer).not.toEqual(expected);
      else expect(answer).toEqual(expected);
    });
  });

  it('is wrong for many cases without the fields that are written beside', async () => {
    const wrong: object[] = [];
    for (const { filter } of cases) {
      const found = (await idsOf(bare, filter)).sort();
      if (JSON.stringify(found) !== JSON.stringify(expectedOf(filter).sort())) wrong.push(filter);
    }
    expect(wrong.length).toBeGreaterThanOrEqual(5);
  });

  it('never deletes what does not match', async () => {
    for (const [at, filter] of [{ a: { $ne: 5 } }, { b: { $startsWith: 'x' } }, { 'a.b': 5 }, { a: 5 }].entries()) {
      const place = collection.namespace(`delete${at}`);
      await place.upsert(
        documents.map(({ id, metadata }) => ({ id, vector: [1, 2], metadata: metadata as never })),
        { waitFor: 'visible' },
      );
      const expected = expectedOf(filter);
      expect(await place.deleteWhere(filter as Filter, { waitFor: 'visible' })).toBe(expected.length);
      const left: string[] = [];
      for await (const { id } of place.iterate()) left.push(id);
      expect(left.sort()).toEqual(
        documents
          .map(({ id }) => id)
          .filter((id) => !expected.includes(id))
          .sort(),
      );
    }
  });
});
