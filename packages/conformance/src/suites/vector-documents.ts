import type {
  Metric,
  VectorCollection,
  VectorDocument,
  VectorFields,
  VectorIterateOptions,
  VectorStore,
} from '@storage/core';
import type { TestContext } from '../context.ts';
import type { CheckOptions } from '../properties/check.ts';
import { type FilterSubject, untyped } from '../properties/filter-properties.ts';
import { loadVectors, type VectorSubject } from '../properties/vector-properties.ts';

/** Vectors are mostly kept by servers, which on a busy machine take their time. */
export const vectorsLimitMs = 60_000;
/** For properties of vectors. */
export const patient: CheckOptions = { limitMs: 45_000 };

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

/** The documents that iterate meets. */
export async function documentsOf(
  collection: VectorCollection,
  options?: VectorIterateOptions,
): Promise<VectorDocument[]> {
  const documents: VectorDocument[] = [];
  for await (const document of collection.iterate(options)) documents.push(document);
  return documents;
}

/** The ids that iterate meets. */
export async function idsOf(collection: VectorCollection, filter: object = {}): Promise<string[]> {
  const options = { filter: untyped(filter), includeVectors: false, includeMetadata: false };
  return (await documentsOf(collection, options)).map(({ id }) => id);
}

/** The names of all collections. */
export async function names(store: VectorStore): Promise<string[]> {
  return (await store.listCollections({ limit: 1000 })).items.map((info) => info.name);
}

/** Asks for an exact search where that has to be asked for. */
export function exactly(t: TestContext): { readonly exact?: true } {
  return t.vectorFlags.exact === 'on-request' ? { exact: true } : {};
}

/** A collection of random metadata, with declared fields or without. */
export async function subjectOf(t: TestContext, fields: VectorFields = {}): Promise<VectorSubject> {
  const store = await t.vectors();
  const [metric = 'cosine'] = t.vectorFlags.metrics;
  await store.createCollection('c', { dimension: 3, metric, fields });
  const collection = store.collection('c');
  return loadVectors(collection, { seed: t.seed, count: 200, dimension: 3, metric, flags: t.vectorFlags });
}

/** What iterate and count answer about it. */
export function filterSubjectOf({ collection, documents }: VectorSubject): FilterSubject {
  return {
    documents,
    query: (filter) => idsOf(collection, filter),
    count: (filter) => collection.count(untyped(filter)),
  };
}
