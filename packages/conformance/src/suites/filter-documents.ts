import type { RecordStore, Storable } from '@storage/core';
import { equal, sameSet } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { documentCount, loadRecords, untyped } from '../properties/filter-properties.ts';

/** Filters and the keys that each finds, parted by spaces. */
export type Expectations = readonly (readonly [filter: object, keys: string])[];

/** Stores the documents and fails unless each filter finds exactly the keys that are named. */
export async function expectMatches(
  t: TestContext,
  documents: { readonly [key: string]: Storable | { readonly $bytes: Uint8Array } },
  expectations: Expectations,
): Promise<RecordStore> {
  const store = await t.store();
  await store.storeMany(Object.entries(documents).map(([key, data]) => ({ key, data: data as object })));
  for (const [filter, keys] of expectations) {
    const text = JSON.stringify(filter);
    const page = await store.query({ filter: untyped(filter), limit: 1000 });
    sameSet(
      page.items.map((record) => record.key),
      keys.split(' ').filter(Boolean),
      `keys that ${text} finds`,
    );
    equal(await store.count({ filter: untyped(filter) }), page.items.length, `count of ${text}`);
  }
  return store;
}

/** A store of random documents. */
export async function subjectOf(
  t: TestContext,
): Promise<{ readonly store: RecordStore; readonly subject: Awaited<ReturnType<typeof loadRecords>> }> {
  const store = await t.store();
  return { store, subject: await loadRecords(store, { seed: t.seed, count: documentCount(t), flags: t.recordFlags }) };
}

/** A document for each shape that a field may have. */
export const shapes: { readonly [key: string]: Storable } = {
  none: {},
  null: { a: null },
  empty: { a: [] },
  one: { a: 1 },
  text: { a: '1' },
  true: { a: true },
  false: { a: false },
  zero: { a: 0 },
  float: { a: 1.5 },
  listed: { a: [1] },
  mixed: { a: ['1', true, null] },
  nested: { a: [[1], { b: 1 }] },
  object: { a: { b: 1 } },
  list: { a: [{ b: 1 }] },
  blank: { a: '' },
};
/** The keys of all of them. */
export const everyShape: string = Object.keys(shapes).join(' ');
/** The keys of all but these. */
export const without = (...keys: string[]): string =>
  Object.keys(shapes)
    .filter((key) => !keys.includes(key))
    .join(' ');
