import type { Metric, VectorCollection, VectorStore } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import fc from 'fast-check';
import { equal } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { documentArbitrary } from '../properties/arbitraries.ts';
import { type FilterSubject, untyped } from '../properties/filter-properties.ts';
import { randomNumbers, randomVector, referenceScore } from '../properties/vector-reference.ts';

/** A collection of three dimensions, by the first metric that the backend has unless one is named. */
export async function collectionOf(
  t: TestContext,
  metric: Metric | undefined = t.vectorFlags.metrics[0],
  dimension = 3,
): Promise<VectorCollection> {
  const store = await t.vectors();
  await store.createCollection('c', { dimension, metric });
  return store.collection('c');
}

/** The ids that iterate meets. */
export async function idsOf(collection: VectorCollection): Promise<string[]> {
  const ids: string[] = [];
  for await (const document of collection.iterate()) ids.push(document.id);
  return ids;
}

/** The names of all collections. */
export async function names(store: VectorStore): Promise<string[]> {
  return (await store.listCollections({ limit: 1000 })).items.map((info) => info.name);
}

/** Asks for an exact search where that has to be asked for. */
export function exactly(t: TestContext): { readonly exact?: true } {
  return t.vectorFlags.exact === 'on-request' ? { exact: true } : {};
}

/** Filters of which each finds something among random documents. */
export const filterPool: readonly object[] = [
  {},
  { a: 1 },
  { a: { $ne: 1 } },
  { a: { $exists: true } },
  { b: { $gt: 0 } },
  { $not: { a: { $startsWith: 'a' } } },
  { a: { $in: ['a', 1, true] } },
  { none: 1 },
];

/** A collection of random metadata. */
export async function subjectOf(t: TestContext): Promise<{
  collection: VectorCollection;
  subject: FilterSubject;
  closest: (query: readonly number[], filter: object) => number[];
}> {
  const metric: Metric = t.vectorFlags.metrics[0] ?? 'cosine';
  const collection = await collectionOf(t, metric);
  const next = randomNumbers(t.seed);
  const samples = fc.sample(documentArbitrary, { seed: t.seed, numRuns: 200 });
  const inputs = samples.map((metadata, index) => ({
    id: `d${String(index).padStart(3, '0')}`,
    vector: randomVector(next, 3),
    metadata: metadata as Record<string, never>,
  }));
  await collection.upsert(inputs);
  const documents = new Map(
    (await collection.get(inputs.map((input) => input.id))).map((document) => [
      document?.id ?? '',
      document?.metadata as unknown,
    ]),
  );
  equal(documents.size, 200, 'how many documents are there');
  const limit = Math.min(200, t.vectorFlags.maxLimit);
  const subject: FilterSubject = {
    documents,
    query: async (filter) => {
      const ids: string[] = [];
      for await (const document of collection.iterate({ filter: untyped(filter), includeVectors: false }))
        ids.push(document.id);
      // What a search finds is what iterate meets.
      const found = await collection.search({ vector: [1, 1, 1], limit, filter: untyped(filter) });
      equal(found.length, Math.min(limit, ids.length), `matches of a search of ${JSON.stringify(filter)}`);
      return ids;
    },
    count: (filter) => collection.count(untyped(filter)),
  };
  const closest = (query: readonly number[], filter: object): number[] => {
    const matches = compileEvaluator(filter);
    return inputs
      .filter((input) => matches(documents.get(input.id)))
      .map((input) => referenceScore(metric, query, input.vector))
      .sort((a, b) => b - a);
  };
  return { collection, subject, closest };
}
