import type { Capabilities, MessagingCapabilities, RecordCapabilities, TransactionCapabilities } from '@storage/core';
import type { PostgresSettings } from './postgres-options.ts';

/** What every PostgreSQL store can do. */
export interface PostgresCapabilities extends Capabilities {
  readonly records: RecordCapabilities & { readonly level: 'full' };
  readonly vectors: false;
  readonly graph: false;
  /** `false` where there is only a pooler to listen through. */
  readonly messaging: (MessagingCapabilities & { readonly scope: 'server' }) | false;
  readonly transactions: TransactionCapabilities & { readonly interactive: true };
}

export function postgresCapabilities({ maxValueBytes, listen }: PostgresSettings): PostgresCapabilities {
  return {
    records: {
      level: 'full',
      keys: 'any',
      maxValueBytes,
      maxMetadataBytes: 1024 * 1024,
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
    vectors: false,
    graph: false,
    messaging: listen === undefined ? false : { scope: 'server' },
    transactions: { interactive: true },
    facets: [],
    abort: 'server',
    persistent: true,
    consistency: 'strong',
  };
}
