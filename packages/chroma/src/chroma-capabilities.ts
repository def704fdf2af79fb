import type { Capabilities, RecordCapabilities } from '@storage/core';

/** Narrow where types depend on it: every facet that is stated is there. */
export interface ChromaCapabilities extends Capabilities {
  readonly records: RecordCapabilities;
}

/** What the backend can do: every flag is shown by the kit, in both directions. Begin with little, and raise a flag with what it stands for. */
export const chromaCapabilities: ChromaCapabilities = {
  records: {
    level: 'full',
    keys: 'any',
    maxValueBytes: 16 * 1024 * 1024,
    metadata: true,
    maxMetadataBytes: 1024 * 1024,
    bytes: true,
    list: 'ordered',
    query: 'scan',
    scanLimit: 10_000,
    sort: false,
    streams: false,
    ttl: { listing: 'exact' },
    conditional: 'record',
    conditionalDelete: true,
    conditionalStreams: true,
    programOrder: true,
    createdAt: true,
    deleteReports: 'exact',
    deleteWhere: 'per-record',
    atomicBatches: false,
    namespaces: true,
  },
  vectors: false,
  graph: false,
  messaging: false,
  transactions: false,
  facets: [],
  abort: 'before-start',
  persistent: false,
  consistency: 'strong',
};
