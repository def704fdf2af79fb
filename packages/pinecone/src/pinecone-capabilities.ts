import type { Capabilities, VectorCapabilities } from '@storage/core';
import type { PineconeSettings } from './pinecone-options.ts';
import { maxTopK } from './pinecone-reads.ts';

/** Narrow where types depend on it: vectors and nothing else. */
export interface PineconeCapabilities extends Capabilities {
  readonly records: false;
  readonly vectors: VectorCapabilities;
}

/**
 * The most that content and metadata may take together. Pinecone keeps 40 KB, and what filters need stands beside them: more than this
 * is refused at once, and less may be where metadata has many small fields.
 */
const maxMetadataBytes: number = 36 * 1024;

/** What the backend can do: every flag is shown by the kit, in both directions. */
export function pineconeCapabilities({ indexName, metric }: PineconeSettings): PineconeCapabilities {
  const all = ['cosine', 'dot_product', 'euclidean'] as const;
  const only = metric ?? (indexName === undefined ? undefined : 'cosine');
  return {
    records: false,
    vectors: {
      metrics: only === undefined ? all : [only],
      maxDimension: 20_000,
      maxLimit: maxTopK,
      exact: 'on-request',
      deleteWhere: 'racy',
      atomicUpsert: false,
      replace: 'atomic',
      maxMetadataBytes,
    },
    graph: false,
    messaging: false,
    transactions: false,
    facets: [],
    abort: 'client',
    persistent: true,
    consistency: 'eventual',
  };
}
