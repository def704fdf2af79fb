import type { QdrantClient } from '@qdrant/js-client-rest';
import { type Call, type ClientHolder, describeError, injectedClient, ownedClient } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { hasRetryAfter, isLost, isRateLimited, rateLimited } from './qdrant-errors.ts';
import type { QdrantSettings } from './qdrant-options.ts';
import { RetryHints } from './qdrant-retry-hints.ts';

/** The client's typed calls, one of each of the server's. */
export type QdrantApi = ReturnType<QdrantClient['api']>;

/** What a request is sent with beside its body. */
export interface RequestInitPart {
  readonly signal?: AbortSignal;
}

interface Answer<T> {
  readonly data: { readonly result?: T | undefined };
}

export interface SendOptions {
  /** `false`: sent once at most, because a second time would be told otherwise than the first. Missing: `true`. */
  readonly repeatable?: boolean | undefined;
}

const firstDelayMs = 100;
/** How long a call without a deadline waits altogether for a server that asks for fewer calls. */
const patienceMs = 30_000;

async function makeClient(settings: QdrantSettings): Promise<QdrantClient> {
  const { QdrantClient } = await import('@qdrant/js-client-rest');
  const { address, apiKey, maxConnections } = settings;
  return new QdrantClient({
    host: address.host,
    port: address.port,
    https: address.https,
    ...(address.path !== '' && { prefix: address.path }),
    // Deadlines are those of the calls.
    timeout: Number.POSITIVE_INFINITY,
    checkCompatibility: false,
    // As its own option the client would write about it to the console.
    ...(apiKey !== undefined && { headers: { 'api-key': apiKey } }),
    ...(maxConnections !== undefined && { maxConnections }),
  });
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** The server, as the drivers reach it. */
export class QdrantConnection {
  readonly #holder: ClientHolder<QdrantClient>;
  readonly #hints: RetryHints;
  readonly #where: string;
  #api: QdrantApi | undefined;

  constructor(settings: QdrantSettings) {
    const { client, address, where } = settings;
    this.#where = where;
    this.#hints = new RetryHints(
      client === undefined ? `http${address.https ? 's' : ''}://${address.host}:${address.port}` : undefined,
    );
    // The client has no way to be closed: its idle connections end by themselves and hold no process.
    this.#holder =
      client === undefined
        ? ownedClient(
            () => makeClient(settings),
            () => undefined,
          )
        : injectedClient(client);
  }

  async open(): Promise<void> {
    this.#api = (await this.#holder.get()).api();
    this.#hints.open();
  }

  async close(): Promise<void> {
    this.#api = undefined;
    this.#hints.close();
    await this.#holder.close();
  }

  get #ready(): QdrantApi {
    if (this.#api === undefined) throw new StorageError({ code: 'closed', message: 'The qdrant backend is closed.' });
    return this.#api;
  }

  /**
   * Sends a request and answers its `result`. While the server asks for fewer calls it waits and tries again, as long as the call
   * lasts; what was lost on the way is tried once more where that has the effect of once.
   */
  async send<T>(
    call: Call,
    request: (api: QdrantApi, init: RequestInitPart) => Promise<Answer<T>>,
    options: SendOptions = {},
  ): Promise<T> {
    const { result } = await this.sendRaw(call, async (api, init) => (await request(api, init)).data, options);
    if (result === undefined || result === null)
      throw new StorageError({
        code: 'unavailable',
        message: 'Qdrant answered without a result; check `url` and what stands between.',
      });
    return result;
  }

  async sendRaw<T>(
    call: Call,
    request: (api: QdrantApi, init: RequestInitPart) => Promise<T>,
    { repeatable = true }: SendOptions = {},
  ): Promise<T> {
    let lost: unknown;
    let waited = 0;
    for (let attempt = 0; ; attempt++) {
      call.check();
      const { signal } = call;
      try {
        return await request(this.#ready, signal === undefined ? {} : { signal });
      } catch (error) {
        if (signal?.aborted) throw error;
        if (isRateLimited(error)) {
          const asked = hasRetryAfter(error) ? this.#hints.lastMs : undefined;
          const delay = Math.max(asked ?? 0, firstDelayMs * 2 ** attempt) * (1 + Math.random() / 4);
          const left = call.deadline === undefined ? patienceMs - waited : call.deadline - performance.now();
          if (delay >= left) throw lost ?? rateLimited(this.#where, asked, error);
          await sleep(delay, signal);
          waited += delay;
        } else if (lost === undefined && isLost(error) && repeatable) lost = error;
        // That the second could not be sent says nothing of the first; what the server says holds for both.
        else throw describeError(error).status === undefined ? (lost ?? error) : error;
      }
    }
  }
}
