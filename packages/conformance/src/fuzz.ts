import { compileEvaluator, joinPath } from '@storage/core/filter';
import fc from 'fast-check';
import { equal, fail } from './assert.ts';
import { withContext } from './context.ts';
import type { Harness } from './harness.ts';
import { filterArbitrary, operators } from './properties/arbitraries.ts';
import { checkProperty } from './properties/check.ts';
import { Coverage } from './properties/coverage.ts';
import { checkFilter, loadRecords, recordPaths } from './properties/filter-properties.ts';
import { capabilitiesOf } from './run.ts';

/** What a compiler makes of a filter: `exact` is run without a recheck. */
export type Explain = (filter: object) => 'exact' | 'superset' | 'unsupported';

export interface FilterFuzzOptions {
  /** Makes the backends whose record stores are asked. */
  readonly harness: Harness;
  /** How many filters. */
  readonly count: number;
  /** Of every random choice: the same seed and count ask the same. */
  readonly seed: number;
  /**
   * For a backend that reads all documents for each filter: how many filters are asked of how many documents at a time. Of few documents
   * most filters match none or all, so only a quarter of those is asked. Missing: 500 of 200, as they come.
   */
  readonly round?: { readonly filters: number; readonly documents: number } | undefined;
  /** For a backend that claims to compile every operator exactly: fails unless it does, for every filter that is asked. */
  readonly explain?: Explain | undefined;
  /** Called now and then with how many filters have been asked. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** What a run showed. It never differs from the reference: that would have failed it. */
export interface FilterFuzzReport {
  readonly count: number;
  readonly seed: number;
  /** How often each pair of operator and shape had to be met. */
  readonly demanded: number;
  /** Operators by shapes of values, as a table. */
  readonly coverage: string;
  readonly durationMs: number;
}

const usualRound = { filters: 500, documents: 200 };

/** Fails unless the compiler is exact about the filter. */
export function checkExplained(explain: Explain, filter: object): void {
  const precision = explain(filter);
  if (precision !== 'exact') fail(`the filter ${JSON.stringify(filter)} is compiled as ${precision}, not exact`);
}

/** One filter of each operator at a path, as it is and turned round. */
export function singleOperators(path: readonly string[]): object[] {
  const operands: { readonly [operator: string]: unknown } = {
    $in: ['a', 1, true],
    $nin: ['a', 1, true],
    $exists: true,
    $startsWith: 'a',
    $not: { $gt: 1 },
    $gt: 1,
    $lt: 'a',
  };
  return operators.flatMap((operator) => {
    const filter = { [joinPath(path)]: { [operator]: operands[operator] ?? 'a' } };
    return [filter, { $not: filter }];
  });
}

/** Filters, most of which match some documents and not others. */
function tellingFilters(documents: readonly unknown[]): fc.Arbitrary<object> {
  return filterArbitrary(recordPaths).filter((filter) => {
    const matches = compileEvaluator(filter);
    const matched = documents.filter((document) => matches(document)).length;
    // Which of the others are asked follows from the filter, so that a seed asks the same again.
    return (matched > 0 && matched < documents.length) || JSON.stringify(filter).length % 4 === 0;
  });
}

async function runRound(options: FilterFuzzOptions, round: number, count: number, coverage: Coverage): Promise<void> {
  const { harness, explain, round: size } = options;
  // A round by itself is what this seed and a count of one round ask.
  const seed = options.seed + round;
  const capabilities = capabilitiesOf(harness);
  await withContext({ harness, capabilities, seed, runs: count }, async (t) => {
    const store = await t.store();
    const subject = await loadRecords(store, { seed, count: (size ?? usualRound).documents, flags: t.recordFlags });
    const documents = [...subject.documents.values()];
    let asked = 0;
    const filters = size === undefined ? filterArbitrary(recordPaths) : tellingFilters(documents);
    const property = fc.asyncProperty(filters, async (filter) => {
      if (explain !== undefined) checkExplained(explain, filter);
      const matched = await checkFilter(subject, filter);
      if (asked % 4 === 0) equal(await subject.count(filter), matched, `count of ${JSON.stringify(filter)}`);
      asked++;
      coverage.add(filter, documents, matched);
    });
    await checkProperty(t, property, count);
  });
}

/**
 * Asks random filters of random documents and compares with the reference evaluator. Rejects, with the shrunk filter and the seed
 * that repeats it, when an answer differs; and when the run proves too little: a pair of operator and shape of value that was not
 * met 50 times (fewer than 5,000 filters: one time in a hundred), or less than half of the filters telling, matching neither
 * none nor all.
 */
export async function runFilterFuzz(options: FilterFuzzOptions): Promise<FilterFuzzReport> {
  const { count, seed, explain, onProgress, round: { filters: roundSize } = usualRound } = options;
  const startedAt = Date.now();
  const coverage = new Coverage();
  if (explain !== undefined) for (const filter of singleOperators(['data', 'a'])) checkExplained(explain, filter);
  for (let done = 0; done < count; done += roundSize) {
    await runRound(options, done / roundSize, Math.min(roundSize, count - done), coverage);
    onProgress?.(Math.min(count, done + roundSize));
  }
  const demanded = Math.min(50, Math.floor(count / 100));
  const shortfalls = coverage.shortfalls(demanded, 0.5);
  if (shortfalls.length > 0) fail(`the run proves too little:\n${shortfalls.join('\n')}\n\n${coverage}`);
  return { count, seed, demanded, coverage: coverage.toString(), durationMs: Date.now() - startedAt };
}
