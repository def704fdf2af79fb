import { type CallOptions, type Capabilities, isStorageError, StorageError, withContext } from '@storage/core';
import { callOver, makeCall, type OwnedCall, raceCall, unboundedCall } from './call.ts';
import type { Gate } from './lifecycle.ts';
import { defaultApplied, type Translate } from './translate.ts';

/** What the facades know of their backend. */
export interface BackendContext {
  /** The backend's name, for errors. */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The backend's lifecycle, or another that says when calls are taken. */
  readonly lifecycle: Gate;
  readonly translate: Translate;
  /** Makes etags and ids. Missing: random ones. */
  readonly newId?: (() => string) | undefined;
  /** Milliseconds since 1970, for the time of vector documents. Missing: this machine's clock. */
  readonly clock?: (() => number) | undefined;
  readonly defaultTimeoutMs?: number | undefined;
}

/** Thenables of any realm. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** How every facade begins and ends a call. */
export class CallGuard {
  readonly context: BackendContext;
  readonly #race: boolean;

  constructor(context: BackendContext) {
    this.context = context;
    this.#race = context.capabilities.abort === 'client';
  }

  /** Throws when calls are not taken, the options are bad or the call is over. */
  begin(options: CallOptions | undefined): OwnedCall {
    const { lifecycle, defaultTimeoutMs } = this.context;
    lifecycle.assertOpen();
    if (options === undefined && defaultTimeoutMs === undefined) return unboundedCall;
    const call = makeCall(options, defaultTimeoutMs);
    if (call !== unboundedCall) call.check();
    return call;
  }

  /** The error as the caller gets it. `call` missing: nothing was sent. */
  error(thrown: unknown, operation: string, key: string | undefined, write: boolean, call?: OwnedCall): StorageError {
    if (call === undefined && !isStorageError(thrown)) {
      // A getter, an iterator or a toJSON of the caller's own.
      thrown = new StorageError({
        code: 'invalid_argument',
        message: 'The arguments could not be read; see the cause.',
        cause: thrown,
      });
    }
    let error = this.context.translate(thrown, { operation, key, write });
    if (error !== thrown && call !== undefined && call !== unboundedCall) {
      // An engine that was told to stop says so in its own words.
      error = callOver(call) ?? error;
    }
    const applied = write ? (call === undefined ? 'no' : defaultApplied(error.code)) : undefined;
    return withContext(error, { backend: this.context.name, operation, key, applied });
  }

  /** Waits for a driver's promise, which is in flight from now on. */
  async finish<R, T>(
    pending: Promise<R>,
    map: (result: R) => T,
    call: OwnedCall,
    operation: string,
    key: string | undefined,
    write: boolean,
  ): Promise<T> {
    const { lifecycle } = this.context;
    lifecycle.enter();
    try {
      return map(await (this.#race && call !== unboundedCall ? raceCall(pending, call) : pending));
    } catch (error) {
      throw this.error(error, operation, key, write, call);
    } finally {
      lifecycle.leave();
      call.end();
    }
  }

  /** A whole call: for those where a closure does not matter. `prepare` checks the arguments and answers the work, which is then in flight. */
  async run<T>(
    operation: string,
    key: string | undefined,
    write: boolean,
    options: CallOptions | undefined,
    prepare: () => (call: OwnedCall) => T | Promise<T>,
  ): Promise<T> {
    const { lifecycle } = this.context;
    let call: OwnedCall | undefined;
    let work: (call: OwnedCall) => T | Promise<T>;
    try {
      call = this.begin(options);
      work = prepare();
    } catch (error) {
      call?.end();
      throw this.error(error, operation, key, write);
    }
    lifecycle.enter();
    try {
      const pending = work(call);
      return await (this.#race && call !== unboundedCall && isPromise(pending) ? raceCall(pending, call) : pending);
    } catch (error) {
      throw this.error(error, operation, key, write, call);
    } finally {
      lifecycle.leave();
      call.end();
    }
  }
}
