import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Node's own word for the head of an HTTP answer that has come. */
const channel = 'undici:request:headers';

interface HeadMessage {
  readonly request?: { readonly origin?: unknown };
  readonly response?: { readonly statusCode?: number; readonly headers?: readonly unknown[] };
}

function retryAfterIn(headers: readonly unknown[]): number | undefined {
  const texts = headers.map(String);
  const name = texts.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'retry-after');
  const seconds = name < 0 ? Number.NaN : Number(texts[name + 1]);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

/**
 * How long servers ask to wait. The client hands on the first character alone of `Retry-After`, and nothing of the answer, so the
 * heads of answers are listened to while a backend is open.
 */
export class RetryHints {
  readonly #origin: string | undefined;
  #lastMs: number | undefined;

  /** `origin`: the server's, `http://host:port`. Missing: that of a given client, which does not tell. */
  constructor(origin: string | undefined) {
    this.#origin = origin;
  }

  readonly #hear = (message: unknown): void => {
    const { request, response } = message as HeadMessage;
    if (response?.statusCode !== 429) return;
    if (this.#origin !== undefined && String(request?.origin).replace(/\/$/, '') !== this.#origin) return;
    this.#lastMs = retryAfterIn(response.headers ?? []);
  };

  open(): void {
    subscribe(channel, this.#hear);
  }

  close(): void {
    unsubscribe(channel, this.#hear);
  }

  /** What the last 429 said, in milliseconds. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }
}
