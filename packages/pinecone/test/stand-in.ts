import { afterAll, jest } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import { createPinecone, type PineconeBackend, type PineconeOptions } from '../src/index.ts';
import { freshPrefix, removeIndexes } from './harness.ts';

/** One request, past the backend. */
async function ask(url: string, method: string, path: string, body?: unknown): Promise<Response> {
  return await fetch(url + path, {
    method,
    headers: { 'Api-Key': 'any', 'content-type': 'application/json', 'X-Pinecone-Api-Version': '2026-04' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** Makes requests of one index go wrong. */
export async function plan(
  url: string,
  fault: { readonly index: string; readonly [member: string]: unknown },
): Promise<void> {
  const response = await ask(url, 'POST', '/_stand-in/faults', fault);
  if (response.status !== 204) throw new Error(`The stand-in does not know this fault: ${await response.text()}`);
}

/** Lets the reads of one index lag so long behind its writes, in milliseconds. */
export async function lag(url: string, index: string, delayMs: number): Promise<void> {
  const response = await ask(url, 'PATCH', `/_stand-in/indexes/${index}`, { consistencyDelayMs: delayMs });
  if (!response.ok) throw new Error(`The stand-in does not know this index: ${await response.text()}`);
}

/** A request as it was seen on its way. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly url: string;
  readonly body: string;
}

/** What looks at a request before it is sent, or answers it itself. */
export type Look = (request: Seen, send: () => Promise<Response>) => Promise<Response>;

/** A client of the SDK whose requests can be looked at. */
export function watchedClient(url: string, look: Look): Pinecone {
  return new Pinecone({
    apiKey: 'any',
    controllerHostUrl: url,
    fetchApi: ((address: string, init: RequestInit) => {
      const path = new URL(address).pathname.replace(/^\/data\/[^/]+/, '');
      const seen = { method: init.method ?? 'GET', path, url: address, body: String(init.body ?? '') };
      return look(seen, () => fetch(address, init));
    }) as never,
  });
}

// A server that others use too, on a machine that does other work.
jest.setTimeout(30_000);

/** Stores that are removed when the tests of a file are over. */
export class Stores {
  readonly #url: string;
  readonly #prefixes: string[] = [];

  constructor(url: string) {
    this.#url = url;
    afterAll(() => removeIndexes(url, this.#prefixes));
  }

  /** An open store of its own prefix, unless the options say otherwise. */
  async open(options: PineconeOptions = {}): Promise<PineconeBackend> {
    const own = options.client === undefined ? { apiKey: 'any', controllerUrl: this.#url } : {};
    const prefix = options.indexName === undefined ? (options.prefix ?? freshPrefix()) : undefined;
    this.#prefixes.push(options.indexName ?? prefix ?? '-');
    const backend = createPinecone({ ...own, ...options, prefix });
    await backend.open();
    return backend;
  }
}
