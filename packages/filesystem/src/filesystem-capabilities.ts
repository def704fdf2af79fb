import type { Capabilities, RecordCapabilities } from '@storage/core';
import type { FilesystemSettings } from './filesystem-options.ts';

/** Narrow where types depend on it: every facet that is stated is there. */
export interface FilesystemCapabilities extends Capabilities {
  readonly records: RecordCapabilities;
}

/** What the backend can do with these settings. */
export function filesystemCapabilities(settings: FilesystemSettings): FilesystemCapabilities {
  return {
    records: {
      level: 'full',
      keys: settings.layout === 'safe' ? 'any' : 'path',
      maxValueBytes: settings.maxValueBytes,
      metadata: true,
      maxMetadataBytes: 1024 * 1024,
      bytes: true,
      list: 'ordered',
      query: 'scan',
      scanLimit: settings.scanLimit,
      sort: false,
      streams: true,
      ttl: { listing: 'exact' },
      conditional: 'record',
      conditionalDelete: true,
      conditionalStreams: true,
      programOrder: true,
      // A file that is replaced is a new file; what it was first made at would need a sidecar for every record.
      createdAt: false,
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
    persistent: true,
    consistency: 'strong',
  };
}
