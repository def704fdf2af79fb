import type { Backend, VectorStore } from '@storage/core';
import fc from 'fast-check';
import { equal, fail } from './assert.ts';
import { withContext } from './context.ts';
import { checkExplained, type Explain, type FilterFuzzReport, singleOperators } from './fuzz.ts';
import type { Harness } from './harness.ts';
import { checkProperty } from './properties/check.ts';
import { Coverage } from './properties/coverage.ts';
import { untyped } from './properties/filter-properties.ts';
import {
  checkQuestion,
  declaredFields,
  loadVectors,
  questionArbitrary,
  type VectorQuestion,
  type VectorSubject,
} from './properties/vector-properties.ts';
import { capabilitiesOf } from './run.ts';
import { original } from './settle.ts';

const dimension = 8;
const demandedRecall = 0.95;

export interface VectorFuzzOptions {
  /** Makes the backends whose vectors are asked. */
  readonly harness: Harness;
  /** How many searches, each with a filter of its own. */
  readonly count: number;
  /** Of every random choice: the same seed and count ask the same. */
  readonly seed: number;
  /** How many are asked of how many documents at a time. Missing: 500 of 200. */
  readonly round?: { readonly filters: number; readonly documents: number } | undefined;
  /** How many are asked at once. Missing: 8. */
  readonly concurrency?: number | undefined;
  /** For a backend that claims to compile every operator exactly: fails unless it does, for every filter that is asked. */
  readonly explain?: Explain | undefined;
  /** Called in the middle of each round: makes the indexes, or has the engine tidy up. No answer may depend on it. */
  readonly turn?: ((backend: Backend, collection: string) => Promise<void>) | undefined;
  /** Called now and then with how many have been asked. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

export interface VectorFuzzReport extends FilterFuzzReport {
  /** The share of the closest that was found where nothing exact was asked for. Missing: every answer was exact. */
  readonly recall: number | undefined;
}

/** What the rounds add up to. */
interface Tally {
  readonly coverage: Coverage;
  searches: number;
  recall: number;
}

/** Asks one question, and now and then the same of `count` and `iterate`. */
async function ask(
  subject: VectorSubject,
  question: VectorQuestion,
  options: VectorFuzzOptions,
  tally: Tally,
): Promise<void> {
  const { filter, seed } = question;
  if (options.explain !== undefined) checkExplained(options.explain, filter);
  const { matched, recall } = await checkQuestion(subject, question);
  const shown = JSON.stringify(filter);
  if (seed % 4 === 0) equal(await subject.collection.count(untyped(filter)), matched, `count of ${shown}`);
  if (seed % 8 === 1) {
    const ids = new Set<string>();
    let met = 0;
    for await (const { id } of subject.collection.iterate({
      filter: untyped(filter),
      includeVectors: false,
      includeMetadata: false,
    })) {
      ids.add(id);
      met++;
    }
    equal([met, ids.size], [matched, matched], `documents that iterate meets, and different ones, for ${shown}`);
  }
  tally.coverage.add(filter, [...subject.documents.values()], matched);
  if (recall === undefined) return;
  tally.searches++;
  tally.recall += recall;
}

/** Asks questions, several at once. The first that is answered wrongly is asked again by itself, and shrunk. */
async function askAll(
  subject: VectorSubject,
  range: { readonly from: number; readonly to: number; readonly seed: number },
  options: VectorFuzzOptions,
  tally: Tally,
): Promise<void> {
  const arbitrary = questionArbitrary(subject.documents.size);
  const { from, to, seed } = range;
  const questions = fc.sample(arbitrary, { seed, numRuns: to });
  let next = from;
  let wrong: { readonly index: number; readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < to && wrong === undefined) {
      const index = next++;
      const question = questions[index];
      if (question === undefined) return;
      try {
        await ask(subject, question, options, tally);
      } catch (error) {
        wrong ??= { index, error };
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? 8 }, worker));
  if (wrong === undefined) return;
  const property = fc.asyncProperty(arbitrary, (question) => ask(subject, question, options, tally));
  await checkProperty({ seed }, property, 1, { path: String(wrong.index) });
  throw new Error('A question that was answered wrongly among others is answered rightly by itself', {
    cause: wrong.error,
  });
}

/** One collection of random documents, and questions about it. Every other round has declared fields. */
async function runRound(options: VectorFuzzOptions, round: number, count: number, tally: Tally): Promise<void> {
  const { harness, turn, round: { documents } = usualRound } = options;
  const seed = options.seed + round;
  await withContext({ harness, capabilities: capabilitiesOf(harness), seed, runs: count }, async (t) => {
    const backend = await t.open();
    const vectors: VectorStore = backend.vectors ?? fail('the backend has no vectors');
    const { metrics } = t.vectorFlags;
    const metric = metrics[round % metrics.length] ?? 'cosine';
    const fields = Math.floor(round / metrics.length) % 2 === 0 ? {} : declaredFields;
    await vectors.createCollection('fuzz', { dimension, metric, fields });
    const collection = vectors.collection('fuzz');
    const subject = await loadVectors(collection, { seed, count: documents, dimension, metric, flags: t.vectorFlags });
    const middle = turn === undefined ? count : Math.ceil(count / 2);
    await askAll(subject, { from: 0, to: middle, seed }, options, tally);
    if (turn === undefined) return;
    await turn(original(backend), 'fuzz');
    await askAll(subject, { from: middle, to: count, seed }, options, tally);
  });
}

const usualRound = { filters: 500, documents: 200 };

/**
 * Asks random searches of random documents and compares with the reference evaluator and with distances in 64-bit floats. Rejects, with
 * the shrunk question and the seed that repeats it, when an answer differs; when the run proves too little, as for records; and when
 * searches that are not exact miss more than 5 of 100 of the closest.
 */
export async function runVectorFuzz(options: VectorFuzzOptions): Promise<VectorFuzzReport> {
  const { count, seed, explain, onProgress, round: { filters } = usualRound } = options;
  const startedAt = Date.now();
  const tally: Tally = { coverage: new Coverage(), searches: 0, recall: 0 };
  if (explain !== undefined) for (const filter of singleOperators(['a'])) checkExplained(explain, filter);
  for (let done = 0; done < count; done += filters) {
    await runRound(options, done / filters, Math.min(filters, count - done), tally);
    onProgress?.(Math.min(count, done + filters));
  }
  const { coverage, searches } = tally;
  const demanded = Math.min(50, Math.floor(count / 100));
  const shortfalls = coverage.shortfalls(demanded, 0.5);
  const recall = searches === 0 ? undefined : tally.recall / searches;
  if (recall !== undefined && recall < demandedRecall)
    shortfalls.push(`of the closest ${recall} are found, fewer than ${demandedRecall}`);
  if (shortfalls.length > 0) fail(`the run proves too little:\n${shortfalls.join('\n')}\n\n${coverage}`);
  return { count, seed, demanded, coverage: coverage.toString(), recall, durationMs: Date.now() - startedAt };
}
