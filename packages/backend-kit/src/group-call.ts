import { abortedError } from '@storage/core';
import { type Call, raceCall, unboundedCall } from './call.ts';

/** The call of work that several callers share: over when each of them has left, and not before. */
export class GroupCall implements Call {
  readonly deadline: undefined = undefined;
  #controller: AbortController | undefined;
  #cancelled = false;
  #members = 0;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  check(): void {
    if (this.#cancelled) throw abortedError(this.signal);
  }

  /** Ends the work whoever waits for it. */
  cancel(): void {
    this.#cancelled = true;
    this.#controller?.abort();
  }

  /** Counts a caller; `leave` takes it back. */
  enter(): void {
    this.#members++;
  }

  leave(): void {
    if (--this.#members === 0) this.cancel();
  }

  /** Waits for the shared work as one of its callers. */
  async join<T>(call: Call, work: Promise<T>): Promise<T> {
    this.enter();
    if (call === unboundedCall) return work;
    try {
      return await raceCall(work, call);
    } catch (error) {
      this.leave();
      throw error;
    }
  }
}
