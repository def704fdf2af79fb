import type { Capabilities, RecordCapabilities, TransactionCapabilities, VectorCapabilities } from '@storage/core';
import { sqliteFacets } from './sqlite-facets.ts';
import type { SqliteSettings } from './sqlite-options.ts';

/** What every SQLite store can do. */
export interface SqliteCapabilities extends Capabilities {
  readonly records: RecordCapabilities & { readonly level: 'full' };
  readonly vectors: VectorCapabilities;
  readonly graph: false;
  readonly messaging: false;
  readonly transactions: TransactionCapabilities & { readonly interactive: true };
}

export function sqliteCapabilities({ memory, maxValueBytes }: SqliteSettings): SqliteCapabilities {
  return {
    records: {
      level: 'full',
      keys: 'any',
      maxValueBytes,
      maxMetadataBytes: 16 * 1024 * 1024,
      metadata: true,
      bytes: true,
      list: 'ordered',
      query: 'indexed',
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
      maxDimension: 8192,
      maxLimit: 10_000,
      exact: 'always',
      deleteWhere: 'atomic',
      atomicUpsert: true,
      replace: 'atomic',
      maxMetadataBytes: null,
    },
    graph: false,
    messaging: false,
    transactions: { interactive: true },
    facets: sqliteFacets.map(({ id }) => id),
    abort: 'before-start',
    persistent: !memory,
    consistency: 'strong',
  };
}
