import { afterAll } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import { createPinecone, type PineconeBackend, type PineconeOptions } from '../src/index.ts';
import { emptyStore, freshPrefix } from './harness.ts';

/** One request, past the backend. */
export async function ask(url: string, method: string, path: string, body?: unknown): Promise<Response> {
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

/** Stores that are removed when the tests of a file are over. */
export class Stores {
  readonly #url: string;
  readonly #options: PineconeOptions[] = [];

  constructor(url: string) {
    this.#url = url;
    afterAll(async () => {
      for (const options of this.#options) await emptyStore(options);
    });
  }

  /** An open store of its own prefix, unless the options say otherwise. */
  async open(options: PineconeOptions = {}): Promise<PineconeBackend> {
    const own = options.client === undefined ? { apiKey: 'any', controllerUrl: this.#url } : {};
    const place = options.indexName === undefined ? { prefix: freshPrefix() } : {};
    const all = { ...own, ...place, ...options };
    const { client: _client, ...rest } = all;
    this.#options.push({
      apiKey: 'any',
      controllerUrl: this.#url,
      ...(rest.prefix ? { prefix: rest.prefix } : {}),
      ...(rest.indexName ? { indexName: rest.indexName } : {}),
      ...(rest.metric ? { metric: rest.metric } : {}),
    });
    const backend = createPinecone(all);
    await backend.open();
    return backend;
  }
}
