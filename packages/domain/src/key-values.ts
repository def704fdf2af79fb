import { type CallOptions, type FacetToken, facetToken, invalidArgument, type Storable } from '@storage/core';
import { checkInteger, checkName } from './checks.ts';
import type { ConditionalOptions, MatchOptions } from './conditions.ts';
import type { DomainContext } from './context.ts';
import { encodeDocument, type JsonDocument } from './json-document.ts';

/** The longest time to live: a hundred years. */
export const maxTtlMs: number = 100 * 365 * 24 * 3600 * 1000;

/** One value under its key. */
export interface KeyValueEntry {
  readonly key: string;
  readonly value: JsonDocument;
  /** How long it lives from `createdAt` on. Missing: for ever. */
  readonly ttlMs: number | undefined;
  /** When this value was set. */
  readonly createdAt: Date;
  /** When it was last read, this read included. Kept in batches: a crash may lose the last second of it. */
  readonly accessedAt: Date;
  /** New with every `set`; reading does not change it. */
  readonly etag: string;
}

export interface KeyValueOptions extends ConditionalOptions {
  /** Milliseconds from now. Missing: it never expires. */
  readonly ttlMs?: number | undefined;
}

/** Values by key, with a time to live. What is expired is as if it were not there. */
export interface KeyValueStore {
  /** `undefined` when there is none. */
  entry(key: string, options?: CallOptions): Promise<KeyValueEntry | undefined>;
  /** Replaces value and time to live. */
  set(key: string, value: Storable, options?: KeyValueOptions): Promise<KeyValueEntry>;
  /** Whether it was there. */
  delete(key: string, options?: MatchOptions): Promise<boolean>;
  /** Removes what is expired, in steps that let others work in between, and answers how many. Safe to run twice at once. */
  sweep(options?: CallOptions): Promise<number>;
}

/** Asks a backend for its key-value store. */
export const keyValueFacet: FacetToken<KeyValueStore> = facetToken('kv/1');

/** The entry that a caller asks for, checked and complete. */
export function newKeyValueEntry(
  key: string,
  value: Storable,
  ttlMs: number | undefined,
  context: DomainContext,
): KeyValueEntry {
  const now = new Date(context.now());
  return {
    key: checkName(key, 'key'),
    value: encodeDocument(value, 'value'),
    ttlMs: ttlMs === undefined ? undefined : checkInteger(ttlMs, 'ttlMs', 1, maxTtlMs),
    createdAt: now,
    accessedAt: now,
    etag: context.newEtag(),
  };
}

/** Refuses conditions that exclude one another. */
export function checkConditions(options: ConditionalOptions | undefined): void {
  if (options?.ifMatch !== undefined && options.ifAbsent === true) {
    throw invalidArgument('ifMatch and ifAbsent exclude one another; give one of them.');
  }
}
