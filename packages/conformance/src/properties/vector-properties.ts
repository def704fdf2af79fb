import type { Metric, VectorCapabilities, VectorCollection, VectorFields } from '@storage/core';
import { compileEvaluator, joinPath } from '@storage/core/filter';
import fc from 'fast-check';
import { equal } from '../assert.ts';
import { documentArbitrary, filterArbitrary, type PathRoots } from './arbitraries.ts';
import { untyped } from './filter-properties.ts';
import { checkMatches, type Ranked, randomNumbers, randomVector, rank } from './vector-reference.ts';

const instants = [
  '2024-01-01T00:00:00.000Z',
  '2024-01-01T00:00:00.001Z',
  '1969-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00.000Z',
  '2999-12-31T23:59:59.999Z',
  '0000-01-01T00:00:00.000Z',
];
/** What a date may be asked about: instants, in other spellings, cut short, and what is no date. */
const dateOperands = [
  ...instants,
  '2024-01-01T00:00:00Z',
  '2024-01-01',
  '2024',
  '20',
  '',
  'a',
  '1970-01-01t00:00:00.000z',
];

/** Where filters of vectors start: in the metadata; and at a date, which may be declared. */
export const vectorPaths: PathRoots = {
  documents: [[]],
  fixed: [
    { path: ['when'], operands: dateOperands },
    { path: ['when'], operands: instants },
  ],
};

/** Declared fields over random metadata, which keeps to the types now and then. */
export const declaredFields: VectorFields = {
  a: 'number',
  b: 'string',
  'a.b': 'boolean',
  [joinPath(['a.b'])]: 'string',
  [joinPath(['q"t'])]: 'string',
  '0': 'number',
  when: 'date',
};

const date = fc.constantFrom(...instants);
/** What stands under `when`: an instant, some, none, or something that is none and no text. */
const when = fc.oneof(
  { weight: 6, arbitrary: date },
  { weight: 1, arbitrary: fc.array(date, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 0, true, 1_704_067_200_000, { a: 1 }) },
  { weight: 2, arbitrary: fc.constant(undefined) },
);

/** Metadata as hostile as that of records, with dates. */
const metadataArbitrary: fc.Arbitrary<object> = fc
  .tuple(documentArbitrary, when)
  .map(([document, at]) => (at === undefined ? document : { ...document, when: at }));

export interface LoadOptions {
  readonly seed: number;
  readonly count: number;
  readonly dimension: number;
  readonly metric: Metric;
  readonly flags: VectorCapabilities;
}

/** Random documents that stand in a collection. */
export interface VectorSubject {
  readonly collection: VectorCollection;
  readonly metric: Metric;
  readonly flags: VectorCapabilities;
  readonly dimension: number;
  /** The metadata, as it came back. */
  readonly documents: ReadonlyMap<string, object>;
  readonly vectors: readonly { readonly id: string; readonly vector: readonly number[] }[];
}

/** Fills a collection with random vectors and metadata; fails unless they come back as they were. */
export async function loadVectors(collection: VectorCollection, options: LoadOptions): Promise<VectorSubject> {
  const { seed, count, dimension, metric, flags } = options;
  const { maxMetadataBytes } = flags;
  const next = randomNumbers(seed);
  // What the backend would refuse is left out.
  const kept = metadataArbitrary.filter(
    (metadata) => maxMetadataBytes === null || Buffer.byteLength(JSON.stringify(metadata)) <= maxMetadataBytes,
  );
  const inputs = fc.sample(kept, { seed, numRuns: count }).map((metadata, index) => ({
    id: `d${String(index).padStart(4, '0')}`,
    vector: randomVector(next, dimension),
    metadata: metadata as Record<string, never>,
  }));
  await collection.upsert(inputs);
  const documents = new Map<string, object>();
  for (const document of await collection.get(inputs.map(({ id }) => id)))
    if (document !== undefined) documents.set(document.id, document.metadata);
  equal(documents.size, count, 'how many of the stored documents are there');
  for (const { id, metadata } of inputs) equal(documents.get(id), metadata, `metadata of ${id}`);
  return { collection, metric, flags, dimension, documents, vectors: inputs };
}

/** A search of random documents. */
export interface VectorQuestion {
  readonly filter: object;
  /** How many matches: a few, or all there can be. */
  readonly limit: number;
  /** Of the vector. */
  readonly seed: number;
  /** Whether it is asked for an exact answer, where that makes a difference. */
  readonly exact: boolean;
  readonly includeMetadata: boolean;
}

export function questionArbitrary(documents: number): fc.Arbitrary<VectorQuestion> {
  return fc.record({
    filter: filterArbitrary(vectorPaths),
    limit: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.constant(documents), fc.integer({ min: 1, max: documents })),
    seed: fc.nat(),
    exact: fc.nat(3).map((dice) => dice > 0),
    includeMetadata: fc.nat(7).map((dice) => dice === 0),
  });
}

/** How a question was answered. */
export interface VectorAnswer {
  /** How many documents match. */
  readonly matched: number;
  /** The share of the closest among the matches. Missing: the answer was to be exact, and is. */
  readonly recall: number | undefined;
}

/** Those that match, best first, by the reference evaluator and 64-bit floats. */
function rankMatching(subject: VectorSubject, vector: readonly number[], filter: object): Ranked[] {
  const matches = compileEvaluator(filter);
  return rank(
    subject.metric,
    vector,
    subject.vectors.filter(({ id }) => matches(subject.documents.get(id))),
  );
}

/** Fails unless the collection answers as the reference does. */
export async function checkQuestion(subject: VectorSubject, question: VectorQuestion): Promise<VectorAnswer> {
  const { filter, includeMetadata, seed } = question;
  const { collection, flags, documents } = subject;
  const vector = randomVector(randomNumbers(seed), subject.dimension);
  const ranked = rankMatching(subject, vector, filter);
  const limit = Math.min(question.limit, flags.maxLimit);
  const asked = flags.exact === 'on-request' && question.exact;
  const exact = asked || flags.exact === 'always';
  const what = `search with the filter ${JSON.stringify(filter)}, limit ${limit}${asked ? ', exact' : ''}`;
  const matches = await collection.search(
    { vector, limit, filter: untyped(filter), ...(asked && { exact: true }) },
    { includeMetadata },
  );
  const recall = checkMatches(matches, ranked, { limit, exact, what });
  for (const { document } of matches)
    equal(document.metadata, includeMetadata ? documents.get(document.id) : {}, `metadata of ${document.id}`);
  return { matched: ranked.length, recall: exact ? undefined : recall };
}
