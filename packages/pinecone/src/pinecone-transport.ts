import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { asUnknown, type Call, callOver, retryAfterMs } from '@storage/backend-kit';
import { isStorageError, type StorageError } from '@storage/core';
import { connectionError, garbageError, readRefusal, refusalError } from './pinecone-errors.ts';

/** `fetch`, as far as the SDK uses it. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** What a request is part of. */
export interface Scope {
  readonly call: Call;
  /** Whether it changes something. */
  readonly write: boolean;
  /** Whether it may be sent again after an answer was lost. */
  readonly repeatable: boolean;
  /** Hears the headers of a success. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined;
  /**
   * Takes the parsed body of a success in the SDK's place, which is given an empty one: the SDK copies the records of an answer one into
   * the next, so that a thousand of them take seconds.
   */
  readonly onBody?: ((body: unknown) => void) | undefined;
}

export interface TransportOptions {
  readonly fetch: Fetch;
  readonly maxRetries: number;
  readonly requestTimeoutMs: number;
}

/** The first pause before something is sent again, and the longest, in milliseconds. */
const firstPauseMs = 200;
const longestPauseMs = 20_000;

/**
 * The one place from which requests go out. The SDK knows neither signals nor waiting as long as it was told, so its own retries are
 * off, and each request finds the call that it belongs to here.
 */
export class PineconeTransport {
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Runs work of the SDK whose requests belong to this scope. */
  run<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
    return this.#scopes.run(scope, work);
  }

  /** Handed to the SDK in the place of `fetch`. */
  readonly fetch: Fetch = async (url, init) => {
    const scope = this.#scopes.getStore();
    if (scope === undefined) throw new Error('A request was made outside of a call.');
    let sent = false;
    for (let attempt = 0; ; attempt++) {
      scope.call.check();
      try {
        return await this.#send(url, init, scope);
      } catch (error) {
        const failure = error as StorageError;
        // An attempt that was not carried out says nothing of one before.
        const told = sent ? asUnknown(failure) : failure;
        if (!this.#again(failure, scope, attempt)) throw told;
        sent ||= failure.applied === 'unknown';
        if (!(await this.#pause(failure, scope, attempt))) throw told;
      }
    }
  };

  #again(failure: StorageError, { write, repeatable }: Scope, attempt: number): boolean {
    if (!isStorageError(failure) || attempt >= this.#options.maxRetries) return false;
    if (failure.code === 'rate_limited') return true;
    return failure.code === 'unavailable' && (repeatable || (write && failure.applied === 'no'));
  }

  /** Waits as long as the server asked for, else longer each time. `false`: the call has not that much time. */
  async #pause(failure: StorageError, { call }: Scope, attempt: number): Promise<boolean> {
    const asked = failure.details?.['retryAfterMs'];
    const grown = Math.min(longestPauseMs, firstPauseMs * 2 ** attempt) * (0.75 + Math.random() / 2);
    const pauseMs = typeof asked === 'number' ? asked : grown;
    if (call.deadline !== undefined && performance.now() + pauseMs >= call.deadline) return false;
    await pause(pauseMs, call);
    return true;
  }

  async #send(url: string, init: RequestInit | undefined, scope: Scope): Promise<Response> {
    const { call, write } = scope;
    const { requestTimeoutMs } = this.#options;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      abort();
    }, requestTimeoutMs);
    const { signal } = call;
    signal?.addEventListener('abort', abort, { once: true });
    let response: Response;
    let body: string;
    try {
      response = await this.#options.fetch(url, { ...init, signal: controller.signal });
      body = await response.text();
    } catch (error) {
      const over = callOver(call);
      if (over !== undefined) throw over;
      throw connectionError(error, write, timedOut ? requestTimeoutMs : undefined);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    const { status, headers } = response;
    if (status < 200 || status > 299)
      throw refusalError(readRefusal(status, body, retryAfterMs(headers.get('retry-after'))), write);
    scope.onHeaders?.(headers);
    return forSdk(status, body, scope);
  }
}

/** What the SDK reads of a success. */
function forSdk(status: number, body: string, { onBody, write }: Scope): Response {
  if (status === 204 || status === 205) return new Response(null, { status });
  if (onBody === undefined) return new Response(body, { status });
  try {
    onBody(JSON.parse(body) as unknown);
  } catch (error) {
    throw garbageError(error, write);
  }
  return new Response('{}');
}

/** Waits, unless the call is over before. */
export async function pause(milliseconds: number, call: Call): Promise<void> {
  try {
    await delay(milliseconds, undefined, call.signal === undefined ? {} : { signal: call.signal });
  } catch (error) {
    throw callOver(call) ?? error;
  }
}
