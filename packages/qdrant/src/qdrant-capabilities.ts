import type { Capabilities, VectorCapabilities } from '@storage/core';
import { maxDimension, type QdrantSettings } from './qdrant-options.ts';
import { maxLimit } from './qdrant-search.ts';

/** What every Qdrant store can do. */
export interface QdrantCapabilities extends Capabilities {
  readonly records: false;
  readonly vectors: VectorCapabilities;
  readonly graph: false;
  readonly messaging: false;
  readonly transactions: false;
}

export function qdrantCapabilities({ collectionName }: Pick<QdrantSettings, 'collectionName'>): QdrantCapabilities {
  return {
    records: false,
    vectors: {
      metrics: ['cosine', 'dot_product', 'euclidean'],
      maxDimension,
      maxLimit,
      exact: 'on-request',
      deleteWhere: 'racy',
      atomicUpsert: false,
      replace: 'atomic',
      // With room for the vector and for escapes this is what a request of 32 MiB holds.
      maxMetadataBytes: 4 * 1024 * 1024,
    },
    graph: false,
    messaging: false,
    transactions: false,
    facets: [...(collectionName === undefined ? [] : ['default-collection/1']), 'hybrid-search/1'],
    abort: 'client',
    persistent: true,
    consistency: 'strong',
  };
}
