import type { CallOptions, Outcome, Page, PageOptions } from './call.ts';
import type { RecordFilter } from './filter/types.ts';
import type { JsonValue, Metadata, MetadataInput, Storable } from './json.ts';

/** What is known of a record beside its data. */
export interface RecordInfo {
  readonly key: string;
  /** `json`: `data` is a JSON value; `bytes`: it is a `Uint8Array`. */
  readonly kind: 'json' | 'bytes';
  /** An opaque token, new whenever what `capabilities.records.conditional` says it covers changes. `''` where there are no conditional writes. */
  readonly etag: string;
  /** When the record was first stored under this key, by the store's clock. Missing where `capabilities.records.createdAt` is false. */
  readonly createdAt?: Date;
  /** When data or metadata were last stored. The time of the call where `capabilities.records.metadata` is false. */
  readonly updatedAt: Date;
  /** From when on the record is gone. Missing: never. */
  readonly expiresAt?: Date;
  /** Bytes of the JSON text in UTF-8 as it was written, or of the bytes. */
  readonly size: number;
  /** `application/json`, `application/octet-stream`, or what was given where `capabilities.records.metadata` is true. */
  readonly contentType: string;
  /** `{}` when none was given, or where `capabilities.records.metadata` is false. */
  readonly metadata: Metadata;
}

/** A record with its data. */
export interface StoredRecord<T = JsonValue> extends RecordInfo {
  readonly data: T;
}

export interface StoreOptions extends CallOptions {
  /** Kept beside the data and filtered under `metadata.`. Missing: cleared. */
  readonly metadata?: MetadataInput | undefined;
  /** Whole milliseconds from now until the record is gone, 1 to `maxTtlMs`. Missing: kept for ever, also when the record had an expiry. */
  readonly ttlMs?: number | undefined;
  /** Store only if there is no record under the key (an expired one is none); else `already_exists`. Not together with `ifMatch`. */
  readonly ifAbsent?: true | undefined;
  /** Store only if the record has this etag; else `conflict`, also when it is gone. */
  readonly ifMatch?: string | undefined;
  /** A media type, at most 256 characters. Missing: by the kind of data. */
  readonly contentType?: string | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Delete only if the record has this etag; else `conflict`, also when it is gone. `unsupported` where `capabilities.records.conditionalDelete` is false. */
  readonly ifMatch?: string | undefined;
  /** `false`: the caller does not need to know whether it was there, which may save a round trip; the answer is then `true`. Missing: `true`. */
  readonly report?: boolean | undefined;
}

export interface TouchOptions extends CallOptions {
  /** Whole milliseconds from now until the record is gone, 1 to `maxTtlMs`; `null`: never. */
  readonly ttlMs: number | null;
}

/** One member of `storeMany`. */
export interface StoreItem extends Omit<StoreOptions, keyof CallOptions> {
  readonly key: string;
  readonly data: Storable;
}

export interface BatchOptions extends CallOptions {
  /** `true`: all or nothing, in one transaction; `unsupported` where `capabilities.records.atomicBatches` is false. Missing: each member has its own outcome. */
  readonly atomic?: boolean | undefined;
}

/** A part of a record's bytes. */
export interface ByteRange {
  /** The first byte, from 0. Beyond the end: the stream is empty. */
  readonly offset: number;
  /** How many bytes at most. Missing: to the end. */
  readonly length?: number | undefined;
}

export interface RetrieveStreamOptions extends CallOptions {
  readonly range?: ByteRange | undefined;
}

export interface ListOptions extends PageOptions {
  /** Only keys that begin with this text, byte for byte. Missing or `''`: all. */
  readonly prefix?: string | undefined;
  /** `info`: each entry carries its `RecordInfo`. On an object store that is one request an entry. */
  readonly include?: 'info' | undefined;
}

/** One entry of a list. */
export interface KeyEntry {
  readonly key: string;
  /** Where the store lists it without a further request. */
  readonly size?: number;
  readonly updatedAt?: Date;
  readonly etag?: string;
  /** With `include: 'info'`. */
  readonly info?: RecordInfo;
}

/** A path to sort by and its direction. */
export interface SortKey {
  /** As in a filter: `data.user.age`, `metadata.rank`, `key`, `createdAt`, `updatedAt`. */
  readonly path: string;
  /** Missing: `asc`. */
  readonly direction?: 'asc' | 'desc' | undefined;
}

/** What narrows a query, a count or an iteration down. */
export interface Selection<T = JsonValue> {
  /** Missing or `{}`: every record. Bytes have no paths below `data`. */
  readonly filter?: RecordFilter<T> | undefined;
  /** Only keys that begin with this text. */
  readonly prefix?: string | undefined;
}

export interface Query<T = JsonValue> extends Selection<T> {
  /**
   * At most 4 paths. Booleans come before numbers before strings, each in its order, strings by code point; everything else counts
   * as missing and comes last in both directions; ties by key, ascending. Missing: by key, as `list` orders.
   * A string of over 256 bytes under a sorted path is refused with `too_large` when a page has to continue behind it.
   */
  readonly sort?: readonly SortKey[] | undefined;
  /** 1 to 1,000. Missing: 100. For `iterate`: how many in all; missing: no end. */
  readonly limit?: number | undefined;
  /** From the page before, of the same filter, prefix, sort and namespace; anything else is `invalid_argument`. */
  readonly cursor?: string | undefined;
  /** Only these paths of the data come back, as they are nested (`data.user.name`); arrays are taken whole, a missing path is left out. Missing: all. */
  readonly select?: readonly string[] | undefined;
}

export interface CountQuery<T = JsonValue> extends Selection<T> {
  /** `estimate`: as the store knows it, cheap, possibly old. Missing: `exact`. */
  readonly mode?: 'exact' | 'estimate' | undefined;
}

export interface NamespaceListOptions extends PageOptions {
  /** `true`: every namespace below, as an escaped path relative to this one (`namespaceNames` takes it apart). Missing: the names of the direct children. */
  readonly recursive?: boolean | undefined;
}

export interface DropNamespaceOptions extends CallOptions {
  /** `true`: the namespaces below as well. Missing: this one alone. */
  readonly recursive?: boolean | undefined;
}

/**
 * Records by key: what the smallest provider has. Every call checks its arguments before any I/O and rejects with a
 * `StorageError`; a miss is `undefined`, an outage is an error.
 */
export interface KeyedRecords {
  /** Stores a record whole: metadata and expiry that are left out are cleared. Answers what is known of it now. */
  store(key: string, data: Storable, options?: StoreOptions): Promise<RecordInfo>;
  /** The record, or `undefined` when there is none or it is expired. `T` is the caller's word; it is not checked. */
  retrieve<T = JsonValue>(key: string, options?: CallOptions): Promise<StoredRecord<T> | undefined>;
  /** Removes a record. Answers whether it was there (an expired one was not). */
  delete(key: string, options?: DeleteOptions): Promise<boolean>;
  /** Whether `retrieve` would find it. */
  exists(key: string, options?: CallOptions): Promise<boolean>;
  /**
   * Stores many, in order; a key that stands twice is stored twice, the later last. Outcomes stand in the order of the items. An item that
   * is not legal refuses the whole call before anything is stored, `details.index` says which; over 10,000 items: `too_large`.
   */
  storeMany(items: Iterable<StoreItem>, options?: BatchOptions): Promise<readonly Outcome<RecordInfo>[]>;
  /** Records in the order of the keys, `undefined` where there is none. Over 10,000 keys: `too_large`. Data of all is in memory at once. */
  retrieveMany<T = JsonValue>(
    keys: Iterable<string>,
    options?: CallOptions,
  ): Promise<readonly (StoredRecord<T> | undefined)[]>;
  /** Removes many. Outcomes, in the order of the keys, say whether each was there. Over 10,000 keys: `too_large`. */
  deleteMany(keys: Iterable<string>, options?: BatchOptions): Promise<readonly Outcome<boolean>[]>;
}

/** The whole record contract. */
export interface RecordStore extends KeyedRecords {
  /** As `store`, for bytes that come in chunks; never all in memory. The record changes when the last chunk has arrived, or not at all. */
  storeStream(key: string, chunks: AsyncIterable<Uint8Array>, options?: StoreOptions): Promise<RecordInfo>;
  /** The stored JSON, unparsed: equal JSON, not necessarily equal text. Bytes: `invalid_state`. */
  retrieveText(key: string, options?: CallOptions): Promise<StoredRecord<string> | undefined>;
  /** The bytes, or the JSON's UTF-8 text, in chunks; `size` is that of the whole. A record that is replaced while one reads fails with `conflict` or is read as it was. Read it to the end or leave the loop: an open stream may hold a connection. */
  retrieveStream(
    key: string,
    options?: RetrieveStreamOptions,
  ): Promise<StoredRecord<AsyncIterable<Uint8Array>> | undefined>;
  /** Changes the expiry alone: etag, `updatedAt` and data stay. Answers whether the record was there. */
  touch(key: string, options: TouchOptions): Promise<boolean>;
  /** Deletes every record of this namespace that the filter matches; answers how many. Never one that does not match. */
  deleteWhere<T = JsonValue>(filter: RecordFilter<T>, options?: CallOptions): Promise<number>;
  /** Keys of this namespace, a page at a time. */
  list(options?: ListOptions): Promise<Page<KeyEntry>>;
  /** Records that match, a page at a time. A record that does not change while one pages is met exactly once. */
  query<T = JsonValue>(query?: Query<T>, options?: CallOptions): Promise<Page<StoredRecord<T>>>;
  /** How many records match. */
  count<T = JsonValue>(query?: CountQuery<T>, options?: CallOptions): Promise<number>;
  /** Records that match, one after another, by pages; a record that does not change meanwhile is met exactly once. `timeoutMs` bounds each page. */
  iterate<T = JsonValue>(query?: Query<T>, options?: CallOptions): AsyncIterable<StoredRecord<T>>;
  /** The same contract confined to the namespace `name` below this one; makes nothing and costs nothing. Any text; the whole path at most 96 bytes. */
  namespace(name: string): RecordStore;
  /** Namespaces below this one that hold a record, themselves or (for direct children) below; by code point of their escaped form. */
  namespaces(options?: NamespaceListOptions): Promise<Page<string>>;
  /** Deletes every record that is in this namespace when the call begins. `deleted` where the store knows. Safe to repeat. */
  dropNamespace(options?: DropNamespaceOptions): Promise<{ readonly deleted?: number }>;
}
