import type { Capabilities, MessagingCapabilities, RecordCapabilities, VectorCapabilities } from '@storage/core';

/** Narrow where types depend on it: every facet that is stated is there. */
export interface MemoryCapabilities extends Capabilities {
  readonly records: RecordCapabilities;
  readonly vectors: VectorCapabilities;
  readonly messaging: MessagingCapabilities;
}

/** What the memory backend can do. */
export const memoryCapabilities: MemoryCapabilities = {
  records: {
    level: 'full',
    keys: 'any',
    maxValueBytes: 64 * 1024 * 1024,
    metadata: true,
    maxMetadataBytes: 1024 * 1024,
    bytes: true,
    list: 'ordered',
    query: 'scan',
    scanLimit: null,
    sort: true,
    streams: true,
    ttl: { listing: 'exact' },
    conditional: 'record',
    conditionalDelete: true,
    conditionalStreams: true,
    programOrder: true,
    createdAt: true,
    deleteReports: 'exact',
    deleteWhere: 'atomic',
    atomicBatches: true,
    namespaces: true,
  },
  vectors: {
    metrics: ['cosine', 'dot_product', 'euclidean'],
    maxDimension: 16_000,
    maxLimit: 10_000,
    exact: 'always',
    deleteWhere: 'atomic',
    atomicUpsert: true,
    replace: 'atomic',
    maxMetadataBytes: null,
  },
  graph: false,
  messaging: { scope: 'process' },
  transactions: false,
  facets: [],
  abort: 'before-start',
  persistent: false,
  consistency: 'strong',
};
