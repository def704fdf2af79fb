import type { CallOptions } from './call.ts';
import type { Capabilities } from './capabilities.ts';
import type { GraphStore } from './graph.ts';
import type { HealthReport } from './health.ts';
import type { Messaging } from './messaging.ts';
import type { KeyedRecords, RecordStore } from './records.ts';
import type { Transactions } from './transactions.ts';
import type { VectorStore } from './vectors.ts';

declare const facetType: unique symbol;

/** Asks for what is not core's to name. Two tokens of the same id are the same. */
export interface FacetToken<T> {
  /** Name and version: `conversations/1`. */
  readonly id: string;
  readonly [facetType]?: T;
}

/** Makes a facet token. The type is the caller's word. */
export function facetToken<T>(id: string): FacetToken<T> {
  return { id };
}

/**
 * What a plugin creates. Making one does nothing: `open` connects. A facet is there if and only if the capabilities say so.
 * A call on a facet before `open` is `not_initialized`, after `close` it is `closed`.
 */
export interface Backend<C extends Capabilities = Capabilities> extends AsyncDisposable {
  /** The plugin's name: `sqlite`. */
  readonly name: string;
  readonly capabilities: C;
  /** A `RecordStore` where `capabilities.records.level` is `full`. */
  readonly records?: RecordStore | KeyedRecords;
  readonly vectors?: VectorStore;
  readonly graph?: GraphStore;
  readonly messaging?: Messaging;
  readonly transactions?: Transactions;
  /** A facet by its token, or `undefined`. */
  facet<T>(token: FacetToken<T>): T | undefined;
  /** Connects, and sets the schema up where it is missing. Safe to call at the same time and again; after a failure it may be tried again; after `close` it is `closed`. */
  open(options?: CallOptions): Promise<void>;
  /** Waits for what is in flight, up to the deadline, then refuses what comes with `closed`. Closes only clients of its own. Safe to call twice. */
  close(options?: CallOptions): Promise<void>;
  /** How it is now. Never rejects: before `open` the status is `unknown`, after `close` and in an outage `unhealthy`. */
  health(options?: CallOptions): Promise<HealthReport>;
}

/** Whether a backend's records are a whole `RecordStore`. */
export function isRecordStore(records: RecordStore | KeyedRecords | undefined): records is RecordStore {
  return records !== undefined && 'query' in records;
}
