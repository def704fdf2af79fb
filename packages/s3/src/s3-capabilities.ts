import type { Capabilities, RecordCapabilities } from '@storage/core';
import type { S3Settings } from './s3-options.ts';

/** What every S3 store can do. */
export interface S3Capabilities extends Capabilities {
  readonly records: RecordCapabilities & { readonly level: 'full' };
  readonly vectors: false;
  readonly graph: false;
  readonly messaging: false;
  readonly transactions: false;
}

/** The most parts that an upload has. */
const maxParts = 10_000;
/** The largest object of S3. */
const maxObjectBytes = 5 * 1024 ** 4;
/** What fits into the 2,048 bytes of headers that servers allow, whatever it is, beside what the backend keeps itself. */
const maxMetadataBytes = 1344;

/** Known before `open`, from the options alone: what the server was said to take conditions with is probed there. */
export function s3Capabilities({ layout, conditional, scanLimit, partBytes }: S3Settings): S3Capabilities {
  return {
    records: {
      level: 'full',
      keys: layout === 'safe' ? 'any' : 'path',
      maxValueBytes: Math.min(maxObjectBytes, maxParts * partBytes),
      metadata: true,
      maxMetadataBytes,
      bytes: true,
      list: layout === 'safe' ? 'ordered' : 'native',
      query: 'scan',
      scanLimit,
      sort: false,
      streams: true,
      ttl: { listing: 'eventual' },
      conditional: conditional.has('write') ? 'data' : 'none',
      conditionalDelete: conditional.has('delete'),
      conditionalStreams: conditional.has('stream'),
      programOrder: false,
      createdAt: false,
      deleteReports: 'racy',
      deleteWhere: 'racy',
      atomicBatches: false,
      namespaces: true,
    },
    vectors: false,
    graph: false,
    messaging: false,
    transactions: false,
    facets: ['presigned-urls/1'],
    abort: 'client',
    persistent: true,
    consistency: 'strong',
  };
}
