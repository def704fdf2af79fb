import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Call } from '@storage/backend-kit';
import type { Client } from 'minio';
import type { Headers } from './s3-headers.ts';
import type { ServerClock } from './server-clock.ts';

/** A request to the bucket. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Missing: the bucket itself. */
  readonly name?: string | undefined;
  readonly query?: string | undefined;
  readonly headers?: Headers | undefined;
  readonly body?: Buffer | undefined;
  /** Missing: 200. */
  readonly expect?: readonly number[] | undefined;
}

/** What is told of the attempts of one request. */
export interface Attempts {
  /** An attempt was lost that may have been carried out. */
  uncertain: boolean;
}

/** What `minio` sends its requests through. */
interface Transport {
  request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
}

/** A connection on which nothing moves for this long is given up. */
const idleMs = 60_000;
/** How long to wait before a request is sent again. */
const pausesMs = [20, 150, 600];

/** A server that is in trouble, with the code that it gave. */
async function serverTrouble(response: IncomingMessage, status: number): Promise<object> {
  const text = (await readBody(response)).toString('utf8');
  const code = /<Code>([A-Za-z]+)<\/Code>/.exec(text)?.[1];
  const retryAfter = Number(response.headers['retry-after']);
  return Object.assign(new Error(`HTTP ${status}`), {
    code: code ?? (status === 429 || status === 503 ? 'SlowDown' : 'InternalError'),
    status,
    ...(Number.isFinite(retryAfter) && { retryAfterMs: retryAfter * 1000 }),
  });
}

/** The whole body. By events: an iteration costs more than the small answer that it is for. */
export function readBody(response: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    response.once('error', reject);
    // Behind the end it says nothing.
    response.once('close', () => reject(Object.assign(new Error('The answer broke off.'), { code: 'ECONNRESET' })));
  });
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Whether this is an error with one of the codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(error));
}

/** Codes after which a request may be sent again. With `true` it may have been carried out. */
const repeatable: { readonly [code: string]: boolean } = {
  ECONNRESET: true,
  EPIPE: true,
  InternalError: true,
  SlowDown: false,
  ServiceUnavailable: false,
  SlowDownRead: false,
  SlowDownWrite: false,
  RequestTimeout: false,
};

/** Codes that say what is there. */
const answers: ReadonlySet<string> = new Set([
  'NoSuchKey',
  'NotFound',
  'NoSuchUpload',
  'NoSuchBucket',
  'PreconditionFailed',
  'ConditionalRequestConflict',
  'InvalidRange',
]);

function pause(ms: number, call: Call): Promise<void> {
  const { signal } = call;
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted) done();
  });
}

/**
 * Requests of one bucket, signed and sent by `minio`, which knows neither signals nor deadlines and retries by its own lights: each
 * request goes through a view of the client whose transport ends with the call, and which leaves repeating to us.
 */
export class S3Wire {
  readonly bucket: string;
  readonly clock: ServerClock;
  /** What the server calls itself, once it has answered. */
  server = '';
  readonly #client: Client;
  readonly #base: Transport;
  /** For calls that nobody ends. */
  readonly #unbounded: Client;

  constructor(client: Client, bucket: string, clock: ServerClock) {
    this.#client = client;
    this.bucket = bucket;
    this.clock = clock;
    this.#base = Reflect.get(client, 'transport') as Transport;
    this.#unbounded = this.#viewOf(undefined);
  }

  /** The client as this call may use it: every S3 operation of `minio` that makes one request. */
  view(call: Call): Client {
    const { signal } = call;
    return signal === undefined ? this.#unbounded : this.#viewOf(signal);
  }

  #viewOf(signal: AbortSignal | undefined): Client {
    const base = this.#base;
    const transport: Transport = {
      request(options, onResponse) {
        const request = base.request(signal === undefined ? options : { ...options, signal }, (response) => {
          const status = response.statusCode ?? 0;
          // These the client would throw away the text of.
          if (status < 500 && status !== 429 && status !== 408) return onResponse(response);
          const fail = (error: unknown): boolean => request.emit('error', error);
          serverTrouble(response, status).then(fail, fail);
        });
        request.setTimeout(idleMs, () =>
          request.destroy(Object.assign(new Error('The connection is idle.'), { code: 'ETIMEDOUT' })),
        );
        return request;
      },
    };
    return Object.create(this.#client, {
      transport: { value: transport },
      retryOptions: { value: { disableRetry: true } },
    }) as Client;
  }

  /** Does something with a view, again where that may help and is safe: everything that S3 does can be done twice. */
  async attempt<T>(
    call: Call,
    work: (view: Client) => Promise<T>,
    attempts: Attempts = { uncertain: false },
  ): Promise<T> {
    let lost: unknown;
    for (let attempt = 0; ; attempt++) {
      call.check();
      try {
        return await work(this.view(call));
      } catch (error) {
        const code = codeOf(error);
        const wait = pausesMs[attempt];
        if (repeatable[code] === true) {
          attempts.uncertain = true;
          lost ??= error;
        }
        if (wait === undefined || repeatable[code] === undefined || call.signal?.aborted)
          // After a lost attempt only an answer about the object itself tells more than that one was lost.
          throw lost === undefined || answers.has(code) ? error : lost;
        await pause(wait * (0.5 + Math.random()), call);
      }
    }
  }

  /** Sends a request and reads its answer. */
  send<T>(
    request: S3Request,
    call: Call,
    read: (response: IncomingMessage) => Promise<T>,
    attempts?: Attempts,
  ): Promise<T> {
    const { method, name, query, headers, body, expect = [200] } = request;
    return this.attempt(
      call,
      async (view) => {
        const askedAt = Date.now();
        const response = await view.makeRequestAsync(
          {
            method,
            bucketName: this.bucket,
            ...(name !== undefined && { objectName: name }),
            ...(query !== undefined && { query }),
            // The client writes into them.
            headers: { ...headers },
          },
          body,
          [...expect],
        );
        this.clock.observe(response.headers.date, askedAt);
        this.server = String(response.headers.server ?? '');
        return read(response);
      },
      attempts,
    );
  }
}
