import type { StorageError } from './errors.ts';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with `aborted`. A write that was already sent settles with `applied: 'unknown'`. */
  readonly signal?: AbortSignal | undefined;
  /** The time the call may take, in milliseconds, from now; over it the call ends with `timeout`. Missing: the backend's default, else no limit. */
  readonly timeoutMs?: number | undefined;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins. Missing: this was the last page. A page may be shorter than its limit and still have a cursor. */
  readonly cursor?: string;
}

/** How a page is asked for. */
export interface PageOptions extends CallOptions {
  /** The most items a page has, 1 to 1,000. Missing: 100. */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before, from the same query on the same store. Missing: from the start. */
  readonly cursor?: string | undefined;
}

/** How one member of a batch ended. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: StorageError };
