import type { Capabilities, MessagingCapabilities, RecordCapabilities } from '@storage/core';
import type { RedisSettings } from './redis-options.ts';

/** What every Redis store can do. */
export interface RedisCapabilities extends Capabilities {
  readonly records: RecordCapabilities & { readonly level: 'full' };
  readonly vectors: false;
  readonly graph: false;
  readonly messaging: MessagingCapabilities;
  readonly transactions: false;
}

/** What a store of these options is sure to do, whatever its server has beside. */
export function redisCapabilities(settings: RedisSettings): RedisCapabilities {
  const { index, buckets, maxValueBytes, scanLimit, searchRequired } = settings;
  return {
    records: {
      level: 'full',
      keys: 'any',
      maxValueBytes,
      maxMetadataBytes: 1024 * 1024,
      metadata: true,
      bytes: true,
      list: index ? 'ordered' : 'none',
      query: index ? (searchRequired ? 'indexed' : 'scan') : 'none',
      scanLimit: index ? scanLimit : null,
      sort: index,
      streams: index,
      ttl: { listing: 'exact' },
      conditional: 'record',
      conditionalDelete: true,
      conditionalStreams: true,
      programOrder: true,
      createdAt: index,
      deleteReports: 'exact',
      deleteWhere: index ? 'per-record' : 'none',
      // One slot, one script: all or nothing.
      atomicBatches: index && buckets === 1,
      namespaces: true,
    },
    vectors: false,
    graph: false,
    messaging: { scope: 'server' },
    transactions: false,
    facets: [],
    abort: 'client',
    persistent: true,
    consistency: 'strong',
  };
}
