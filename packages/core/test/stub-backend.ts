import type { Backend } from '../src/backend.ts';
import type { Capabilities } from '../src/capabilities.ts';
import { StorageError } from '../src/errors.ts';
import { evaluateFilter, parseFilter, recordRoots } from '../src/filter/index.ts';
import type { HealthStatus } from '../src/health.ts';
import type { JsonObject, JsonValue } from '../src/json.ts';
import type { StoredRecord, StoreOptions } from '../src/records.ts';
import type { VectorDocument, VectorInput } from '../src/vectors.ts';

export interface StubOptions {
  readonly name?: string;
  /** Which facets it has. Missing: records alone. */
  readonly facets?: 'records' | 'vectors' | 'both';
  /** Whether its records keep expiry. Missing: true. */
  readonly ttl?: boolean;
  /** Its clock. */
  readonly clock?: () => number;
  readonly status?: HealthStatus;
  /** Called before each operation with its name and key; what it throws, the operation throws. */
  readonly before?: (operation: string, key?: string) => void;
}

export interface StubBackend extends Backend {
  readonly calls: string[];
  readonly documents: Map<string, VectorDocument>;
  readonly stored: Map<string, StoredRecord>;
}

/** As little of a backend as the tests of core need: records in a map, vectors compared by dot product in another. */
export function stubBackend(options: StubOptions = {}): StubBackend {
  const { name = 'stub', facets = 'records', ttl = true, clock = Date.now, status = 'healthy' } = options;
  const calls: string[] = [];
  const stored = new Map<string, StoredRecord>();
  const documents = new Map<string, VectorDocument>();
  let collection: { readonly dimension: number } | undefined;
  let writes = 0;

  const enter = async (operation: string, key?: string): Promise<void> => {
    calls.push(key === undefined ? operation : `${operation} ${key}`);
    options.before?.(operation, key);
  };
  const matches = (filter: unknown, document: unknown, roots?: typeof recordRoots): boolean => {
    parseFilter(filter, roots && { roots });
    return evaluateFilter(filter as object, document);
  };
  const alive = (record: StoredRecord): boolean =>
    record.expiresAt === undefined || record.expiresAt.getTime() > clock();

  const records = {
    async store(key: string, data: unknown, store: StoreOptions = {}): Promise<StoredRecord> {
      await enter('store', key);
      if (store.ttlMs !== undefined && !ttl) throw new StorageError({ code: 'unsupported', message: 'no expiry' });
      const present = stored.get(key);
      if (store.ifAbsent === true && present) throw new StorageError({ code: 'already_exists', message: 'there' });
      if (store.ifMatch !== undefined && store.ifMatch !== present?.etag)
        throw new StorageError({ code: 'conflict', message: 'changed' });
      const now = clock();
      const record: StoredRecord = {
        key,
        kind: 'json',
        etag: String(++writes),
        createdAt: present?.createdAt ?? new Date(now),
        updatedAt: new Date(now),
        ...(store.ttlMs !== undefined && { expiresAt: new Date(now + store.ttlMs) }),
        size: 0,
        contentType: store.contentType ?? 'application/json',
        metadata: (store.metadata ?? {}) as JsonObject,
        data: data as JsonValue,
      };
      stored.set(key, record);
      return record;
    },
    async retrieve(key: string): Promise<StoredRecord | undefined> {
      await enter('retrieve', key);
      const record = stored.get(key);
      return record && alive(record) ? record : undefined;
    },
    async delete(key: string): Promise<boolean> {
      await enter('delete', key);
      return stored.delete(key);
    },
    async *iterate(query: { filter?: unknown; limit?: number } = {}): AsyncIterable<StoredRecord> {
      await enter('iterate');
      let count = 0;
      for (const record of stored.values()) {
        if (!alive(record) || !matches(query.filter ?? {}, record, recordRoots)) continue;
        yield record;
        if (++count === query.limit) return;
      }
    },
    async list({ prefix = '', limit = 100, cursor = '' }: { prefix?: string; limit?: number; cursor?: string } = {}) {
      await enter('list');
      const keys = [...stored.keys()].filter((key) => key.startsWith(prefix) && key > cursor).sort();
      const page = keys.slice(0, limit);
      const items = page.map((key) => ({ key, info: stored.get(key) }));
      return keys.length > limit ? { items, cursor: page.at(-1) } : { items };
    },
    async query() {
      await enter('query');
      return { items: [] };
    },
  };

  const noCollection = (): never => {
    throw new StorageError({ code: 'not_found', message: 'no such collection' });
  };
  const handle = {
    async upsert(inputs: Iterable<VectorInput>): Promise<readonly string[]> {
      await enter('upsert');
      const { dimension } = collection ?? noCollection();
      return Array.from(inputs, ({ id = '', vector, content, metadata = {} }) => {
        if (vector.length !== dimension) throw new StorageError({ code: 'invalid_argument', message: 'dimension' });
        const document = { id, vector: Array.from(vector, Math.fround), metadata: metadata as JsonObject };
        documents.set(id, content === undefined ? document : { ...document, content });
        return id;
      });
    },
    async get(ids: readonly string[]) {
      await enter('get');
      if (collection === undefined) noCollection();
      return ids.map((id) => documents.get(id));
    },
    async delete(ids: readonly string[]): Promise<number> {
      await enter('deleteVectors');
      if (collection === undefined) noCollection();
      return ids.filter((id) => documents.delete(id)).length;
    },
    async search({ vector, limit, filter }: { vector: ArrayLike<number>; limit: number; filter: unknown }) {
      await enter('search');
      if (collection === undefined) noCollection();
      return [...documents.values()]
        .filter(({ metadata }) => matches(filter, metadata))
        .map((document) => ({ document, score: document.vector.reduce((sum, x, i) => sum + x * (vector[i] ?? 0), 0) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, limit);
    },
    async *iterate({ filter }: { filter: unknown }) {
      await enter('iterateVectors');
      if (collection === undefined) noCollection();
      for (const document of documents.values()) if (matches(filter, document.metadata)) yield document;
    },
  };
  const vectors = {
    collection: () => handle,
    async createCollection(_: string, { dimension }: { dimension: number }): Promise<void> {
      await enter('createCollection');
      collection ??= { dimension };
    },
  };

  const capabilities = { records: facets === 'vectors' ? false : { ttl: ttl && { listing: 'exact' } } };
  const backend = {
    name,
    calls,
    documents,
    stored,
    capabilities: capabilities as unknown as Capabilities,
    ...(facets !== 'vectors' && { records }),
    ...(facets !== 'records' && { vectors }),
    facet: () => undefined,
    open: () => enter('open'),
    close: () => enter('close'),
    health: async () => ({ name, status, latencyMs: 0, details: {}, checkedAt: new Date() }),
    [Symbol.asyncDispose]: () => enter('close'),
  };
  return backend as unknown as StubBackend;
}
