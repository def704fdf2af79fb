import type { RecordCapabilities, RecordFilter, RecordStore, StoredRecord } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import fc from 'fast-check';
import { equal, ok } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { dataArbitrary, documentArbitrary, filterArbitrary, type PathRoots } from './arbitraries.ts';
import { type CheckOptions, checkProperty } from './check.ts';

/** Documents under their keys, and what answers filters about them. */
export interface FilterSubject {
  readonly documents: ReadonlyMap<string, unknown>;
  /** Keys of the documents that match, in the subject's order. */
  query(filter: object): Promise<readonly string[]>;
  count(filter: object): Promise<number>;
}

/** Where filters of records start. */
export const recordPaths: PathRoots = {
  documents: [['data'], ['metadata']],
  fixed: [
    { path: ['key'], operands: ['d0000', 'd0001', 'd002', 'd0150', 'd', 'D0001', 'e'] },
    { path: ['createdAt'], operands: ['2000-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', '20'] },
  ],
};

/** What a filter of records is asked about. */
function recordDocument(record: StoredRecord<unknown>): object {
  const { key, data, metadata, createdAt, updatedAt } = record;
  return { key, data, metadata, createdAt, updatedAt };
}

/** A filter that is known at run time alone. */
export function untyped(filter: object): RecordFilter {
  return filter as RecordFilter;
}

/** Whether every filter reads every document, one by one: told by a limit of what a scan may read. */
function readsAll({ recordFlags: { query, scanLimit } }: Pick<TestContext, 'recordFlags'>): boolean {
  return query === 'scan' && scanLimit !== null;
}

/** How many documents a property is tried on. */
export function documentCount(t: Pick<TestContext, 'recordFlags'>): number {
  return Math.min(readsAll(t) ? 30 : 250, t.recordFlags.scanLimit ?? 250);
}

/** With how many examples: a store that reads all for each gets a third; the fuzz asks the rest. */
function exampleCount(t: TestContext, runs: number): number {
  return t.capabilities.records !== false && readsAll(t) ? runs / 3 : runs;
}

/** Fills a store with random documents, some of them bytes where the store has those. */
export async function loadRecords(
  store: RecordStore,
  options: { readonly seed: number; readonly count: number; readonly flags: RecordCapabilities },
): Promise<FilterSubject> {
  const { seed, count, flags } = options;
  const values = fc.sample(fc.tuple(dataArbitrary, documentArbitrary, fc.nat(19)), { seed, numRuns: count });
  const items = values.map(([data, metadata, dice], index) => ({
    key: `d${String(index).padStart(4, '0')}`,
    data: flags.bytes && dice === 0 ? Uint8Array.of(index & 255, 1, 2) : (data as object),
    // Metadata is asked for less often, and is often absent; what the store would refuse is left out.
    metadata:
      dice < 8 || Buffer.byteLength(JSON.stringify(metadata)) > flags.maxMetadataBytes
        ? {}
        : (metadata as Record<string, never>),
  }));
  const outcomes = await store.storeMany(items);
  for (const outcome of outcomes) if (!outcome.ok) throw outcome.error;
  const stored = await store.retrieveMany<unknown>(items.map((item) => item.key));
  const documents = new Map<string, unknown>();
  for (const record of stored) if (record !== undefined) documents.set(record.key, recordDocument(record));
  equal(documents.size, count, 'how many of the stored documents are there');
  return {
    documents,
    query: async (filter) =>
      (await store.query({ filter: untyped(filter), limit: 1000 })).items.map((record) => record.key),
    count: (filter) => store.count({ filter: untyped(filter) }),
  };
}

/** Keys that the reference finds. */
function expectedKeys(subject: FilterSubject, filter: object): string[] {
  const matches = compileEvaluator(filter);
  return [...subject.documents].filter(([, document]) => matches(document)).map(([key]) => key);
}

/** Fails unless the subject answers the filter as the reference does; answers how many match. */
export async function checkFilter(subject: FilterSubject, filter: object): Promise<number> {
  const expected = new Set(expectedKeys(subject, filter));
  const keys = await subject.query(filter);
  const found = new Set(keys);
  const extra = keys.filter((key) => !expected.has(key)).slice(0, 3);
  const lost = [...expected].filter((key) => !found.has(key)).slice(0, 3);
  const show = (list: readonly string[]): string =>
    list.map((key) => `${key} = ${JSON.stringify(subject.documents.get(key)).slice(0, 300)}`).join('; ');
  ok(extra.length === 0, `the filter ${JSON.stringify(filter)} matches what it must not: ${show(extra)}`);
  ok(lost.length === 0, `the filter ${JSON.stringify(filter)} misses: ${show(lost)}`);
  equal(keys.length, found.size, `how many different keys ${JSON.stringify(filter)} answers`);
  return keys.length;
}

/** Random filters over random documents, against the reference evaluator; `count` agrees with `query`. */
export async function checkRandomFilters(
  t: TestContext,
  subject: FilterSubject,
  paths: PathRoots,
  runs: number = t.runs * 3,
  options: CheckOptions = {},
): Promise<void> {
  const counted = t.capabilities.records !== false && readsAll(t) ? 4 : 1;
  let asked = 0;
  const property = fc.asyncProperty(filterArbitrary(paths), async (filter) => {
    const matched = await checkFilter(subject, filter);
    if (asked++ % counted === 0) equal(await subject.count(filter), matched, `count of ${JSON.stringify(filter)}`);
  });
  await checkProperty(t, property, exampleCount(t, runs), options);
}

/** A filter and its complement share nothing and leave nothing out; De Morgan's laws hold. */
export async function checkAlgebra(
  t: TestContext,
  subject: FilterSubject,
  paths: PathRoots,
  runs: number = t.runs / 2,
  options: CheckOptions = {},
): Promise<void> {
  const filters = filterArbitrary(paths);
  const all = subject.documents.size;
  const sorted = async (filter: object): Promise<string> => [...(await subject.query(filter))].sort().join();
  const property = fc.asyncProperty(filters, filters, async (a, b) => {
    const matching = await subject.count(a);
    equal(
      matching + (await subject.count({ $not: a })),
      all,
      `matches of ${JSON.stringify(a)} and of its complement together`,
    );
    equal(await subject.count({ $or: [a, { $not: a }] }), all, 'matches of a filter or its complement');
    equal(await subject.count({ $and: [a, { $not: a }] }), 0, 'matches of a filter and its complement');
    const and = await sorted({ $not: { $and: [a, b] } });
    equal(
      and,
      await sorted({ $or: [{ $not: a }, { $not: b }] }),
      `not (A and B) and (not A) or (not B) for A ${JSON.stringify(a)}, B ${JSON.stringify(b)}`,
    );
    const or = await sorted({ $not: { $or: [a, b] } });
    equal(
      or,
      await sorted({ $and: [{ $not: a }, { $not: b }] }),
      `not (A or B) and (not A) and (not B) for A ${JSON.stringify(a)}, B ${JSON.stringify(b)}`,
    );
  });
  await checkProperty(t, property, exampleCount(t, runs), options);
}

/** A page of k is the beginning of the whole answer, and pages put together are the whole. */
export async function checkPages(t: TestContext, store: RecordStore, subject: FilterSubject): Promise<void> {
  const property = fc.asyncProperty(
    filterArbitrary(recordPaths),
    fc.integer({ min: 1, max: 60 }),
    async (given, limit) => {
      const filter = untyped(given);
      const whole = await subject.query(given);
      const met: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page <= subject.documents.size; page++) {
        const answer = await store.query({ filter, limit, cursor });
        ok(answer.items.length <= limit, `a page of ${answer.items.length} where ${limit} were asked for`);
        met.push(...answer.items.map((record) => record.key));
        cursor = answer.cursor;
        if (cursor === undefined) break;
        // A page of a store may be short, but whoever asks for one has to get on.
        ok(page < subject.documents.size, 'pages come to an end');
      }
      equal(met, whole, `pages of ${limit} of ${JSON.stringify(given)}`);
    },
  );
  await checkProperty(t, property, t.runs / 4);
}
