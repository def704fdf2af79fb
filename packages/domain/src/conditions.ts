import type { CallOptions } from '@storage/core';

/** A write or removal that happens only if the document is still the one that was read. */
export interface MatchOptions extends CallOptions {
  /** The etag that must hold; else `conflict`, and nothing is written. */
  readonly ifMatch?: string | undefined;
}

/** A write that happens only under a condition. At most one of the two. */
export interface ConditionalOptions extends MatchOptions {
  /** Nothing may be there; else `already_exists`, and nothing is written. */
  readonly ifAbsent?: true | undefined;
}
