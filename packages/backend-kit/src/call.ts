import { abortedError, assertOptions, type CallOptions, StorageError } from '@storage/core';

/** One call as a driver sees it: the caller's signal and deadline merged. */
export interface Call {
  /** Aborts for the caller's signal and for the deadline. `undefined`: neither was given. Read it only to listen: for a deadline it starts a timer. */
  readonly signal: AbortSignal | undefined;
  /** When the call's time is over, on `performance.now()`'s clock. `undefined`: no limit. */
  readonly deadline: number | undefined;
  /** Throws `aborted` or `timeout` when the call is over. Cheap; drivers of synchronous engines call it between steps. */
  check(): void;
}

/** A call as whoever made it sees it. */
export interface OwnedCall extends Call {
  /** Releases timer and listener. The call has settled. */
  end(): void;
}

/** The call of a caller who set no bounds. */
export const unboundedCall: OwnedCall = Object.freeze({
  signal: undefined,
  deadline: undefined,
  check: () => undefined,
  end: () => undefined,
});

function timeoutError(timeoutMs: number): StorageError {
  return new StorageError({
    code: 'timeout',
    message: `The call took longer than ${timeoutMs} ms; raise \`timeoutMs\` or ask for less.`,
    details: { timeoutMs },
  });
}

/** The longest delay of a timer; what lasts longer has no timer, and is found by `check` alone. */
const maxTimerMs = 2 ** 31 - 1;

class BoundedCall implements OwnedCall {
  readonly deadline: number | undefined;
  readonly #timeoutMs: number;
  readonly #caller: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onAbort: (() => void) | undefined;

  constructor(caller: AbortSignal | undefined, timeoutMs: number | undefined) {
    this.#caller = caller;
    this.#timeoutMs = timeoutMs ?? 0;
    this.deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  get signal(): AbortSignal | undefined {
    if (this.deadline === undefined) return this.#caller;
    this.#controller ??= this.#arm(new AbortController(), this.deadline);
    return this.#controller.signal;
  }

  #arm(controller: AbortController, deadline: number): AbortController {
    const caller = this.#caller;
    if (caller?.aborted) controller.abort(caller.reason);
    else {
      const left = deadline - performance.now();
      if (left <= 0) controller.abort(timeoutError(this.#timeoutMs));
      else if (left <= maxTimerMs)
        this.#timer = setTimeout(() => controller.abort(timeoutError(this.#timeoutMs)), left);
      this.#onAbort = () => {
        clearTimeout(this.#timer);
        controller.abort(caller?.reason);
      };
      caller?.addEventListener('abort', this.#onAbort, { once: true });
    }
    return controller;
  }

  check(): void {
    if (this.#caller?.aborted) throw abortedError(this.#caller);
    if (this.deadline === undefined) return;
    // The timer may fire a little early by this clock; what it said stands.
    if (this.#controller?.signal.aborted || performance.now() >= this.deadline) throw timeoutError(this.#timeoutMs);
  }

  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}

/** The call that these options ask for. Bad options are `invalid_argument`. Whoever makes it calls `end`. */
export function makeCall(options: CallOptions | undefined, defaultTimeoutMs?: number): OwnedCall {
  const signal = options?.signal;
  const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs;
  if (signal === undefined && timeoutMs === undefined) return unboundedCall;
  assertOptions({ signal, timeoutMs });
  return new BoundedCall(signal, timeoutMs);
}

/** Why the call is over, or `undefined` while it is not. */
export function callOver(call: Call): StorageError | undefined {
  try {
    call.check();
    return undefined;
  } catch (error) {
    return error as StorageError;
  }
}

/** Settles as `work` does, or rejects as soon as the call is over; `work` goes on unheard. */
export function raceCall<T>(work: Promise<T>, call: Call): Promise<T> {
  if (call === unboundedCall) return work;
  const signal = call.signal;
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const leave = (): void => reject(callOver(call) ?? abortedError(signal));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
