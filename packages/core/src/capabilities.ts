import type { Metric } from './vectors.ts';

/**
 * What a backend can do, complete and JSON-safe: every flag is stated, none has a default. A flag is true if and only if
 * the behaviour is there; the conformance kit checks both directions and chooses its suites by these flags alone.
 */
export interface Capabilities {
  /** `false`: the backend keeps no records. */
  readonly records: RecordCapabilities | false;
  readonly vectors: VectorCapabilities | false;
  readonly graph: GraphCapabilities | false;
  readonly messaging: MessagingCapabilities | false;
  readonly transactions: TransactionCapabilities | false;
  /** Ids of the facets that `facet()` answers, sorted: `['conversations/1']`. */
  readonly facets: readonly string[];
  /**
   * How far a signal or deadline reaches: `server` ends the server's work; `client` frees the caller at once while the
   * server may finish; `before-start` is looked at before the work begins and between its steps (a synchronous driver).
   */
  readonly abort: 'server' | 'client' | 'before-start';
  /** What was written is there after `close` and a new `open` with the same options. */
  readonly persistent: boolean;
  /** `strong`: a read sees every write that was acknowledged before it began. `eventual`: it may take a while. */
  readonly consistency: 'strong' | 'eventual';
}

export interface RecordCapabilities {
  /** `keyed`: store, retrieve, delete, exists, batches. `full`: a whole `RecordStore`. */
  readonly level: 'keyed' | 'full';
  /** `any`: every legal key. `path`: only keys that are safe as a relative path; others are `invalid_argument`. */
  readonly keys: 'any' | 'path';
  /** The largest value, in bytes of its JSON text or of its bytes; over it `too_large`. */
  readonly maxValueBytes: number;
  /** Whether what stands beside the data is kept: metadata, content type, `updatedAt`. `false`: none can be read back; metadata is `{}`, the content type that of the kind of data, `updatedAt` the time of the call. */
  readonly metadata: boolean;
  /** The most metadata, in bytes of its JSON text; over it `too_large`. */
  readonly maxMetadataBytes: number;
  /** Whether bytes are kept, and may be stored. */
  readonly bytes: boolean;
  /** The order of `list` and of an unsorted `query`: by code point of the key, the engine's own, or no lists at all. */
  readonly list: 'ordered' | 'native' | 'none';
  /** `indexed`: declared fields are served by an index. `scan`: every query reads all. `none`: no `query`, `count` by filter or `deleteWhere`. */
  readonly query: 'indexed' | 'scan' | 'none';
  /** The most records one query may read; over it `scan_limit`, never a partial page. `null`: no limit. */
  readonly scanLimit: number | null;
  /** Whether `query` sorts by any path. */
  readonly sort: boolean;
  /** Whether `storeStream` and `retrieveStream` move data in pieces of bounded size. */
  readonly streams: boolean;
  /** Expiry in milliseconds. `listing: 'exact'`: lists and counts never show what is expired; `eventual`: they may, for a while. Reads by key are always exact. */
  readonly ttl: { readonly listing: 'exact' | 'eventual' } | false;
  /** What an etag covers: the whole record, its data only, or there are no conditional writes. */
  readonly conditional: 'record' | 'data' | 'none';
  /** Whether `delete` takes `ifMatch`. */
  readonly conditionalDelete: boolean;
  /** Whether `storeStream` takes `ifAbsent` and `ifMatch`. */
  readonly conditionalStreams: boolean;
  /** Whether calls on one key take effect in the order in which they were made, also when one does not await the other. */
  readonly programOrder: boolean;
  /** Whether `createdAt` is kept over later writes. */
  readonly createdAt: boolean;
  /** Whether `delete` knows whether the record was there even when two callers race. */
  readonly deleteReports: 'exact' | 'racy';
  /** `atomic`: all or nothing, and nothing that stopped matching is deleted. `per-record`: each record is checked as it goes. `racy`: a record may change between. */
  readonly deleteWhere: 'atomic' | 'per-record' | 'racy' | 'none';
  /** Whether `storeMany` and `deleteMany` take `atomic: true`. */
  readonly atomicBatches: boolean;
  /** Whether `namespace`, `namespaces` and `dropNamespace` are there. */
  readonly namespaces: boolean;
}

export interface VectorCapabilities {
  readonly metrics: readonly Metric[];
  readonly maxDimension: number;
  /** The largest `limit` of a search; over it `invalid_argument`, never a short answer. */
  readonly maxLimit: number;
  /** `always`: every search is exact. `on-request`: with `exact: true`. `never`: the index decides. */
  readonly exact: 'always' | 'on-request' | 'never';
  /** As for records. */
  readonly deleteWhere: 'atomic' | 'per-record' | 'racy';
  /** Whether an upsert of many documents is all or nothing. */
  readonly atomicUpsert: boolean;
  /** `racy`: of two processes that store one id at the same moment, the document may get members of both. */
  readonly replace: 'atomic' | 'racy';
  /** The most that a document's content and metadata may take, in bytes of text and of JSON text; over it `too_large`. `null`: what the engine takes. */
  readonly maxMetadataBytes: number | null;
}

/** Provisional until two backends have a graph. */
export interface GraphCapabilities {
  readonly maxDepth: number;
}

export interface MessagingCapabilities {
  /** Who hears a message: subscribers in this process, or every client of the server. */
  readonly scope: 'process' | 'server';
}

export interface TransactionCapabilities {
  /** Whether `with` is there beside `run`. */
  readonly interactive: boolean;
}
