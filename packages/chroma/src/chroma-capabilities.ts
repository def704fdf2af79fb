import type { Capabilities, VectorCapabilities } from '@storage/core';

/** Narrow where types depend on it: vectors are there. */
export interface ChromaCapabilities extends Capabilities {
  readonly vectors: VectorCapabilities;
}

/** What the backend can do. */
export const chromaCapabilities: ChromaCapabilities = {
  records: false,
  vectors: {
    metrics: ['cosine', 'dot_product', 'euclidean'],
    maxDimension: 16_384,
    maxLimit: 100_000,
    exact: 'on-request',
    // Filters that the server can't answer whole are resolved to ids first.
    deleteWhere: 'racy',
    atomicUpsert: false,
    replace: 'racy',
    // The server takes 40 MB a request, and metadata travel twice: as they are, and as JSON.
    maxMetadataBytes: 8 * 1024 * 1024,
  },
  graph: false,
  messaging: false,
  transactions: false,
  facets: [],
  abort: 'client',
  persistent: true,
  consistency: 'strong',
};
