import { type CallOptions, StorageError } from '@storage/core';
import { type Call, makeCall, raceCall } from './call.ts';
import { GroupCall } from './group-call.ts';

/** What a facade asks before each call. */
export interface Gate {
  /** Throws when calls are not taken now. */
  assertOpen(): void;
  /** Counts a call that is in flight. Calls that end before they return need not be counted. */
  enter(): void;
  leave(): void;
}

export type LifecycleState = 'new' | 'opening' | 'open' | 'closing' | 'closed';

export interface LifecycleOptions {
  readonly backend: string;
  /** Connects. After a failure it may be called again; it leaves nothing behind then. */
  readonly open: (call: Call) => void | Promise<void>;
  /** Releases what `open` made. Called once at most, and only after an `open` that succeeded. */
  readonly close: (call: Call) => void | Promise<void>;
  readonly defaultTimeoutMs?: number | undefined;
}

/** Opening and closing of a backend, safe to call at the same time and again. */
export class Lifecycle implements Gate, AsyncDisposable {
  readonly #options: LifecycleOptions;
  #state: LifecycleState = 'new';
  #inFlight = 0;
  #opening: { readonly done: Promise<void>; readonly group: GroupCall } | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  assertOpen(): void {
    if (this.#state !== 'open') throw this.#refusal();
  }

  enter(): void {
    this.#inFlight++;
  }

  leave(): void {
    if (--this.#inFlight === 0) this.#onIdle?.();
  }

  #refusal(): StorageError {
    const { backend } = this.#options;
    return this.#state === 'closed' || this.#state === 'closing'
      ? new StorageError({ code: 'closed', message: `The ${backend} backend is closed; make a new one.`, backend })
      : new StorageError({
          code: 'not_initialized',
          message: `The ${backend} backend is not open; await open() first.`,
          backend,
        });
  }

  async open(options?: CallOptions): Promise<void> {
    if (this.#state === 'open') return;
    if (this.#closing !== undefined || this.#state === 'closed') throw this.#refusal();
    const call = makeCall(options, this.#options.defaultTimeoutMs);
    try {
      call.check();
      // One that everybody has left is on its way out; a new one follows it.
      while (this.#opening?.group.cancelled) await this.#opening.done.catch(() => undefined);
      if (this.#closing !== undefined) throw this.#refusal();
      if (this.state === 'open') return;
      // The work is shared: it ends early only when everybody who waits for it has left.
      this.#opening ??= this.#startOpening();
      const { done, group } = this.#opening;
      await group.join(call, done);
    } finally {
      call.end();
    }
  }

  #startOpening(): { readonly done: Promise<void>; readonly group: GroupCall } {
    const group = new GroupCall();
    this.#state = 'opening';
    const done = (async (): Promise<void> => {
      try {
        await this.#options.open(group);
        this.#state = 'open';
      } catch (error) {
        this.#state = 'new';
        throw error;
      } finally {
        this.#opening = undefined;
      }
    })();
    done.catch(() => undefined);
    return { done, group };
  }

  async close(options?: CallOptions): Promise<void> {
    if (this.#state === 'closed') return;
    const call = makeCall(options, this.#options.defaultTimeoutMs);
    try {
      this.#closing ??= this.#startClosing(call);
      await this.#closing;
    } finally {
      call.end();
    }
  }

  async #startClosing(call: Call): Promise<void> {
    const opening = this.#opening?.done;
    try {
      if (opening !== undefined) {
        this.#opening?.group.cancel();
        await opening.catch(() => undefined);
      }
      if (this.#state !== 'open') return;
      this.#state = 'closing';
      if (this.#inFlight > 0) {
        const idle = new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
        // Who is not done by the deadline is cut off by the close itself.
        await raceCall(idle, call).catch(() => undefined);
      }
      await this.#options.close(call);
    } finally {
      this.#state = 'closed';
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  return new Lifecycle(options);
}
