import type { RecordStore, SortKey } from '@storage/core';
import { compareCodePoints, compareSortValues, joinPath, splitPath, valueAt } from '@storage/core/filter';
import fc from 'fast-check';
import { equal, ok } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { stringPool } from './arbitraries.ts';
import { checkProperty } from './check.ts';
import { documentCount } from './filter-properties.ts';

const scalar = fc.oneof(
  fc.constantFrom(...stringPool.filter((text) => text.length < 100)),
  fc.constantFrom(0, 1, -1, 1.5, 0.1, 1e21, -1e21, 16_777_217, 9_007_199_254_740_991),
  fc.boolean(),
);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.constantFrom(null, [], [1], {}, { b: 1 }) },
);
const document = fc.record(
  { a: value, b: fc.record({ c: value, 'd.e': value }, { requiredKeys: [] }), n: fc.nat(3) },
  { requiredKeys: [] },
);

const sortPaths = [
  ['data', 'a'],
  ['data', 'b', 'c'],
  ['data', 'b', 'd.e'],
  ['data', 'n'],
  ['metadata', 'm'],
  ['key'],
  ['data', 'none'],
  ['data'],
].map(joinPath);
const sortArbitrary: fc.Arbitrary<SortKey[]> = fc.uniqueArray(
  fc.record({
    path: fc.constantFrom(...sortPaths),
    direction: fc.constantFrom('asc' as const, 'desc' as const, undefined),
  }),
  {
    minLength: 1,
    maxLength: 4,
    selector: (sort) => sort.path,
  },
);

/** Documents in the order that the sort keys ask for, ties by key. */
function inOrder(documents: ReadonlyMap<string, unknown>, sort: readonly SortKey[]): string[] {
  const terms = sort.map(({ path, direction }) => ({ keys: splitPath(path), direction }));
  return [...documents]
    .sort(([keyA, a], [keyB, b]) => {
      for (const { keys, direction } of terms) {
        const order = compareSortValues(valueAt(a, keys), valueAt(b, keys), direction);
        if (order !== 0) return order;
      }
      return compareCodePoints(keyA, keyB);
    })
    .map(([key]) => key);
}

/** Random sorts over random documents, whole and in pages, against the reference order. */
export async function checkRandomSorts(t: TestContext, store: RecordStore): Promise<void> {
  const count = Math.min(120, documentCount(t));
  const samples = fc.sample(fc.tuple(document, value), { seed: t.seed, numRuns: count });
  const metadataKept = t.recordFlags.metadata;
  const items = samples.map(([data, m], index) => ({
    key: `s${(index * 7919) % 1000}`,
    data,
    metadata: metadataKept && index % 2 === 0 ? { m: m as string } : {},
  }));
  await store.storeMany(items);
  const documents = new Map(
    items.map(({ key, data, metadata }) => [key, { key, data: JSON.parse(JSON.stringify(data)) as unknown, metadata }]),
  );
  const property = fc.asyncProperty(sortArbitrary, fc.integer({ min: 1, max: 150 }), async (sort, limit) => {
    const expected = inOrder(documents, sort);
    const met: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page <= documents.size; page++) {
      const answer = await store.query({ sort, limit, cursor });
      met.push(...answer.items.map((record) => record.key));
      cursor = answer.cursor;
      if (cursor === undefined) break;
      ok(page < documents.size, 'pages come to an end');
    }
    equal(met, expected, `keys in the order of ${JSON.stringify(sort)}, in pages of ${limit}`);
  });
  await checkProperty(t, property, t.runs / 2);
}
