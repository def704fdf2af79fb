import { isStorageError, type Metric, type VectorCollection } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import { within } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { vectors } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import { RecallSet, recallDimension } from '../properties/recall-set.ts';
import { checkMatches, rank } from '../properties/vector-reference.ts';
import { defineSuite, type Suite } from '../suite.ts';

const limit = 10;
const demanded = 0.95;
/** How many queries each kind of filter is asked with. */
const queries = 10;
/** The longest that loading and asking may take, on a busy machine. */
const limitMs = 240_000;

interface Kind {
  readonly name: string;
  /** The filter of a query's number. Missing: none. */
  readonly filter?: (number: number) => object;
  /** With fewer queries: what no engine can look up is read from far more than is answered. */
  readonly few?: true;
}

/** Filters that leave over one document in 1,000 to every other one: anywhere, or in a cluster that the query is not in. */
const kinds: readonly Kind[] = [
  { name: 'no filter' },
  { name: '0.1 %', filter: (number) => ({ permille: (number * 61) % 1000 }) },
  { name: '1 %', filter: (number) => ({ percent: { $gte: number, $lt: number + 1 } }) },
  { name: '1 % elsewhere', filter: (number) => ({ cluster: `c${(number + 40) % 80}` }) },
  { name: '1 % by prefix', filter: (number) => ({ label: { $startsWith: String(number + 10) } }), few: true },
  { name: '10 %', filter: (number) => ({ decile: { $in: [number % 10] } }) },
  { name: '10 % of two members', filter: (number) => ({ tags: `t${number % 5}`, even: { $ne: number % 2 === 0 } }) },
  { name: '50 %', filter: (number) => ({ even: number % 3 === 0 }) },
  { name: '50 % of the complement', filter: () => ({ $not: { permille: { $gte: 500 } } }) },
];

interface Subject {
  readonly collection: VectorCollection;
  readonly set: RecallSet;
  readonly metric: Metric;
}

/** Asks one query; answers the share of the closest that is found. */
async function askOne(
  t: TestContext,
  { collection, set, metric }: Subject,
  asked: {
    readonly vector: Float32Array;
    readonly filter: object | undefined;
    readonly exactly: boolean;
    readonly what: string;
  },
): Promise<number> {
  const { vector, filter, exactly, what } = asked;
  const { exact } = t.vectorFlags;
  const documents = set.documents();
  const ranked = rank(metric, vector, filter === undefined ? documents : documents.filter(compileMatch(filter)));
  const query = { vector, limit, ...(filter !== undefined && { filter: untyped(filter) }) };
  if (exactly && exact === 'on-request') {
    const capped = documents.length >= t.vectorFlags.maxLimit;
    const matches = await collection.search({ ...query, exact: true }).catch((error: unknown) => {
      // Where the engine hands out no more than this many, it may say so instead; a short answer it may not give.
      if (capped && isStorageError(error, 'scan_limit')) return undefined;
      throw error;
    });
    if (matches !== undefined) checkMatches(matches, ranked, { limit, exact: true, what: `${what}, exact` });
  }
  return checkMatches(await collection.search(query), ranked, { limit, exact: exact === 'always', what });
}

/** Asks every kind of filter; fails where an answer is wrong, or the closest are missed too often. */
async function ask(t: TestContext, subject: Subject, when: string): Promise<void> {
  for (const { name, filter, few } of kinds) {
    const numbers = Array.from({ length: few ? 2 : queries }, (_, number) => number);
    const asked = numbers.map((number) => ({
      vector: subject.set.query(number),
      filter: filter?.(number),
      // Once: an engine that has no exact search of its own has everything read for it.
      exactly: number === 0,
      what: `${when}, ${name}, query ${number}`,
    }));
    let recall = 0;
    // A few at once, as an application would.
    for (let start = 0; start < asked.length; start += 5)
      for (const share of await Promise.all(asked.slice(start, start + 5).map((each) => askOne(t, subject, each))))
        recall += share;
    within(recall / asked.length, demanded, 1, `${when}, ${name}: share of the ${limit} closest that are found`);
  }
}

function compileMatch(filter: object): (document: { readonly metadata: object }) => boolean {
  const matches = compileEvaluator(filter);
  return ({ metadata }) => matches(metadata);
}

/** How well an index finds, on one set that every backend is asked about. */
export const recallSuite: Suite = defineSuite(
  'recall',
  vectors(),
  (test) => {
    test(
      'closest-of-10000',
      `of 10,000 × ${recallDimension} the 10 closest are found 95 times in 100, with exact filters, exact scores and no short answer, also when half of them have changed`,
      async (t) => {
        const count = Math.min(10_000, t.runs * 100);
        const metric = t.vectorFlags.metrics[0] ?? 'cosine';
        const store = await t.vectors();
        await store.createCollection('recall', {
          dimension: recallDimension,
          metric,
          fields: { percent: 'number', cluster: 'string', even: 'boolean' },
        });
        const collection = store.collection('recall');
        const set = new RecallSet(20_260_101, count);
        const documents = set.documents();
        const half = documents.length / 2;
        await collection.upsert(documents.slice(0, half));
        await collection.upsert(documents.slice(half));
        await ask(t, { collection, set, metric }, 'loaded');
        const gone = documents.filter((_, index) => index % 4 === 0).map(({ id }) => id);
        set.remove(gone);
        await collection.delete(gone);
        const moved = documents.filter((_, index) => index % 4 === 1);
        await collection.upsert(moved.map(({ id }, index) => set.place(id, index * 3 + 1)));
        await ask(t, { collection, set, metric }, 'half of it changed');
      },
    );
  },
  limitMs,
);
