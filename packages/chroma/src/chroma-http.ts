import { type Call, retryAfterMs } from '@storage/backend-kit';
import type { Metadata } from 'chromadb';

/** Where a server is and how it is spoken to. */
export interface ChromaAddress {
  /** `http://localhost:8000`, without a path. */
  readonly base: string;
  readonly headers: { readonly [name: string]: string };
  readonly tenant: string;
  readonly database: string;
}

/** A collection as the server tells it. */
export interface NativeCollection {
  readonly id: string;
  readonly name: string;
  readonly dimension?: number | null;
  readonly metadata?: Metadata | null;
  readonly configuration_json?: {
    readonly hnsw?: { readonly space?: string | null } | null;
    readonly spann?: { readonly space?: string | null } | null;
  };
}

/** Metadata as they are written: null removes a key. */
export type WrittenMetadata = { readonly [key: string]: string | number | boolean | null };

/** What an upsert sends. */
export interface UpsertBody {
  readonly ids: readonly string[];
  readonly embeddings: readonly string[] | readonly (readonly number[])[];
  /** null keeps what is there. */
  readonly documents: readonly (string | null)[];
  readonly metadatas: readonly WrittenMetadata[];
}

/** What the server answered instead of what was asked for. */
class ChromaHttpError extends Error {
  override readonly name = 'ChromaHttpError';
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The server's own words, where it has any. */
function wordsOf(text: string): string {
  try {
    const { message, error } = JSON.parse(text) as { readonly message?: unknown; readonly error?: unknown };
    return String(message ?? error ?? text);
  } catch (error) {
    return text === '' ? String(error) : text.slice(0, 500);
  }
}

/**
 * The requests that the npm client can't make: it leaves nulls out of metadata, so that no key can be removed, and for each
 * collection that it reads it looks for the embedding function of whoever made it.
 */
export class ChromaHttp {
  readonly #address: ChromaAddress;
  readonly #root: string;

  constructor(address: ChromaAddress) {
    const { base, tenant, database } = address;
    this.#address = address;
    this.#root = `${base}/api/v2/tenants/${encodeURIComponent(tenant)}/databases/${encodeURIComponent(database)}/collections`;
  }

  /** The collection of this name; `undefined`: there is none. */
  async collection(name: string, call: Call): Promise<NativeCollection | undefined> {
    try {
      return await this.#send<NativeCollection>('GET', `/${encodeURIComponent(name)}`, undefined, call);
    } catch (error) {
      if ((error as Partial<ChromaHttpError>).status === 404) return undefined;
      throw error;
    }
  }

  collections(offset: number, limit: number, call: Call): Promise<readonly NativeCollection[]> {
    return this.#send('GET', `?limit=${limit}&offset=${offset}`, undefined, call);
  }

  /** The metadata of those of these records that are there, keys of every name included. */
  async metadata(id: string, ids: readonly string[], call: Call): Promise<ReadonlyMap<string, Metadata | null>> {
    const found = await this.#send<{
      readonly ids: readonly string[];
      readonly metadatas: readonly (Metadata | null)[];
    }>('POST', `/${id}/get`, { ids, include: ['metadatas'] }, call);
    return new Map(found.ids.map((each, index) => [each, found.metadatas[index] ?? null]));
  }

  async upsert(id: string, body: UpsertBody, call: Call): Promise<void> {
    await this.#send('POST', `/${id}/upsert`, body, call);
  }

  async #send<T>(method: string, path: string, body: unknown, call: Call): Promise<T> {
    call.check();
    const response = await fetch(`${this.#root}${path}`, {
      method,
      headers: { ...this.#address.headers, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(call.signal !== undefined && { signal: call.signal }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new ChromaHttpError(response.status, wordsOf(text), retryAfterMs(response.headers.get('retry-after')));
    return JSON.parse(text) as T;
  }
}
