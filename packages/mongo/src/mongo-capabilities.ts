import type { Capabilities, RecordCapabilities } from '@storage/core';
import type { MongoSettings } from './mongo-options.ts';

/** What every MongoDB store can do. */
export interface MongoCapabilities extends Capabilities {
  readonly records: RecordCapabilities & { readonly level: 'full' };
  readonly vectors: false;
  readonly graph: false;
}

/** Transactions and change streams are there where the options say so: `open` proves it, or fails. */
export function mongoCapabilities({ maxValueBytes, transactions, changeStreams }: MongoSettings): MongoCapabilities {
  return {
    records: {
      level: 'full',
      keys: 'any',
      maxValueBytes,
      metadata: true,
      maxMetadataBytes: 256 * 1024,
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
      deleteWhere: 'per-record',
      atomicBatches: transactions,
      namespaces: true,
    },
    vectors: false,
    graph: false,
    messaging: changeStreams && { scope: 'server' },
    transactions: transactions && { interactive: true },
    facets: [],
    abort: 'client',
    persistent: true,
    consistency: 'strong',
  };
}
