import type { StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import type { Call } from './call.ts';

/** Drivers of synchronous engines answer at once; others by promise. */
export type MaybePromise<T> = T | Promise<T>;

/** What a driver knows of a record, times in milliseconds since 1970. */
export interface InfoRow {
  readonly key: string;
  readonly kind: 'json' | 'bytes';
  readonly etag: string;
  /** `undefined` where it is not kept. */
  readonly createdAt: number | undefined;
  readonly updatedAt: number;
  /** `null`: never. */
  readonly expiresAt: number | null;
  readonly size: number;
  readonly contentType: string;
  /** JSON text; `'{}'` when there is none. */
  readonly metadata: string;
}

/** What a plain list tells of a record: its key, and what costs no further request. */
export interface EntryRow {
  readonly key: string;
  readonly size?: number;
  /** In milliseconds since 1970. */
  readonly updatedAt?: number;
  readonly etag?: string;
}

/** A record as a driver reads it: JSON as its text, bytes as bytes. */
export interface RecordRow extends InfoRow {
  readonly content: string | Uint8Array;
}

/** On what a write depends. */
export type WriteCondition = { readonly type: 'absent' } | { readonly type: 'match'; readonly etag: string };

/** A write, checked and encoded. */
export interface WriteHead {
  readonly key: string;
  readonly kind: 'json' | 'bytes';
  readonly contentType: string;
  /** JSON text; `'{}'` when there is none. */
  readonly metadata: string;
  /** The etag of the new record, made by the caller. */
  readonly etag: string;
  /** `null`: never expires. */
  readonly ttlMs: number | null;
  readonly condition: WriteCondition | undefined;
}

export interface WriteRow extends WriteHead {
  /** JSON text, or bytes. */
  readonly content: string | Uint8Array;
  /** Bytes of the content. */
  readonly size: number;
}

/** How one member of a batch ended, before it is made an `Outcome`. */
export type RowOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: StorageError };

/** A path and direction to sort by, checked. */
export interface SortTerm {
  readonly path: readonly string[];
  readonly descending: boolean;
}

/** A sort value; `undefined` counts as missing and comes last in both directions. */
export type SortValue = boolean | number | string | undefined;

/** Where a page begins: behind this record. `sort` has a value per term. */
export interface Position {
  readonly key: string;
  readonly sort: readonly SortValue[];
}

/** What a driver made of a filter. */
export interface CompiledFilter<Native> {
  /** What the driver itself understands. `undefined`: nothing of the filter can be said natively; everything is read and rechecked. */
  readonly native: Native | undefined;
  /** `exact`: native rows match. `superset`: every match is among them; each is rechecked by the reference evaluator. */
  readonly precision: 'exact' | 'superset';
}

export interface PageRequest<Native> {
  /** `''`: all keys. */
  readonly prefix: string;
  /** Missing: all. */
  readonly filter: Native | undefined;
  /** Empty: by key in code point order, or as the engine lists. */
  readonly sort: readonly SortTerm[];
  /** Missing: from the start. */
  readonly after: Position | undefined;
  readonly limit: number;
  /** `keys`: what a `KeyEntry` needs; `info`: no content is read; `rows`: all. */
  readonly include: 'keys' | 'info' | 'rows';
}

/** A page as a driver reads it. */
export interface RowPage<Row> {
  readonly rows: readonly Row[];
  /** Whether there may be more behind the last row. */
  readonly more: boolean;
}

/**
 * What a backend implements for records; the facade (`createRecordStore`) makes the contract of it. Every argument is checked and
 * encoded; `ns` is the escaped namespace path, `''` the root. Native errors go through the backend's translation; a driver may throw
 * at once or reject.
 *
 * A driver that has a coalescer uses it inside `read`, `write` and `remove`.
 */
export interface KeyedDriver {
  read(ns: string, key: string, call: Call): MaybePromise<RecordRow | undefined>;
  /** In the order of the keys, which may repeat. */
  readMany(ns: string, keys: readonly string[], call: Call): MaybePromise<readonly (RecordRow | undefined)[]>;
  exists(ns: string, key: string, call: Call): MaybePromise<boolean>;
  /** Fails with `already_exists` or `conflict` when the condition does not hold. */
  write(ns: string, row: WriteRow, call: Call): MaybePromise<InfoRow>;
  /** In order; `atomic`: all or nothing, rejecting with the first failure and its `details.index`. */
  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<InfoRow>[]>;
  /** `etag`: only if it holds, else `conflict`. `report` false: answers `true` without having to know. */
  remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): MaybePromise<boolean>;
  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<boolean>[]>;
}

/** What a backend implements for a whole `RecordStore`. `Native` is its compiled filter. */
export interface RecordDriver<Native> extends KeyedDriver {
  /** Reads pieces of bounded size; `condition`, etag and expiry as in `write`. The record changes after the last chunk or not at all. */
  writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow>;
  /** `length` missing: to the end. */
  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): MaybePromise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined>;
  /** `ttlMs: null`: never expires. */
  touch(ns: string, key: string, ttlMs: number | null, call: Call): MaybePromise<boolean>;
  /** The filter is folded and in negation normal form; never `true` or `false`. */
  compile(filter: FilterNode): CompiledFilter<Native>;
  page(
    ns: string,
    request: PageRequest<Native> & { readonly include: 'rows' },
    call: Call,
  ): MaybePromise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<Native> & { readonly include: 'info' },
    call: Call,
  ): MaybePromise<RowPage<InfoRow>>;
  page(
    ns: string,
    request: PageRequest<Native> & { readonly include: 'keys' },
    call: Call,
  ): MaybePromise<RowPage<EntryRow>>;
  /** Native count; called only when the filter is exact. */
  count(ns: string, prefix: string, filter: Native | undefined, estimate: boolean, call: Call): MaybePromise<number>;
  /** Deletes natively; called only when the filter is exact. `filter` missing: all. */
  removeWhere(ns: string, filter: Native | undefined, call: Call): MaybePromise<number>;
  /** Namespaces below `ns` that hold something, themselves or below, as escaped paths relative to it: first segments only, or all when `recursive`; by code point, behind `after`. */
  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): MaybePromise<RowPage<string>>;
  dropNamespace(ns: string, recursive: boolean, call: Call): MaybePromise<number | undefined>;
}
