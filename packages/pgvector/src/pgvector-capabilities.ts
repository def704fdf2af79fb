import type { Capabilities, VectorCapabilities } from '@storage/core';

/** What every pgvector store can do. */
export interface PgvectorCapabilities extends Capabilities {
  readonly records: false;
  readonly vectors: VectorCapabilities & { readonly exact: 'on-request'; readonly atomicUpsert: true };
  readonly graph: false;
  readonly messaging: false;
  readonly transactions: false;
}

export const pgvectorCapabilities: PgvectorCapabilities = {
  records: false,
  vectors: {
    metrics: ['cosine', 'dot_product', 'euclidean'],
    maxDimension: 16_000,
    maxLimit: 10_000,
    exact: 'on-request',
    deleteWhere: 'atomic',
    atomicUpsert: true,
    replace: 'atomic',
    maxMetadataBytes: null,
  },
  graph: false,
  messaging: false,
  transactions: false,
  facets: ['hybrid-search/1'],
  abort: 'server',
  persistent: true,
  consistency: 'strong',
};
