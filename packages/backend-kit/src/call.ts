/** One call as a driver sees it: the caller's signal and deadline merged. */
export interface Call {
  /** Aborts for the caller's signal and for the deadline. `undefined`: neither was given. */
  readonly signal: AbortSignal | undefined;
  /** When the call's time is over, on `performance.now()`'s clock. `undefined`: no limit. */
  readonly deadline: number | undefined;
  /** Throws `aborted` or `timeout` when the call is over. Cheap; drivers of synchronous engines call it between steps. */
  check(): void;
}
