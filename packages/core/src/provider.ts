import { type Backend, type FacetToken, facetToken, isRecordStore } from './backend.ts';
import type { CallOptions } from './call.ts';
import { outcome, StorageError } from './errors.ts';
import type { RecordFilter } from './filter/types.ts';
import type { HealthReport } from './health.ts';
import type { KeyedRecords, RecordStore } from './records.ts';
import type { StorageKind } from './reference.ts';
import { canonicalName } from './registry.ts';
import type { Embedder, VectorStore } from './vectors.ts';

const kinds: { readonly [plugin: string]: StorageKind } = {
  memory: 'key_value',
  filesystem: 'file_system',
  sqlite: 'relational',
  postgres: 'relational',
  mongo: 'document',
  redis: 'cache',
  s3: 'object',
  pgvector: 'vector',
  qdrant: 'vector',
  chroma: 'vector',
  pinecone: 'vector',
  neo4j: 'graph',
};

/** A query that a custom provider brings: data of at most `limit` records that match, in its own order. */
export type ProviderQuery = (filter: RecordFilter, limit: number, options?: CallOptions) => Promise<readonly unknown[]>;

/** The facet under which a custom provider offers its query. */
export const providerQueryFacet: FacetToken<ProviderQuery> = facetToken('provider-query/1');

/** The facet under which a vector backend tells the collection of its options. */
export const defaultCollectionFacet: FacetToken<string> = facetToken('default-collection/1');

export interface ProviderOptions {
  /** Missing: what its backend is by nature. `vector`: data is kept in its vectors, also when it has records. */
  readonly kind?: StorageKind | undefined;
  /** The collection that vectors are kept in. Missing: the backend's own, else `default`. Made at the first store. */
  readonly collection?: string | undefined;
  /** Makes a vector of `text` where data comes without one. */
  readonly embedder?: Embedder | undefined;
  /** `true`: replaces a provider of the same name; the old one is closed with the manager, not before. Missing: `already_exists`. */
  readonly replace?: boolean | undefined;
}

/** A backend under the name that it was registered by. */
export class Provider {
  readonly name: string;
  readonly backend: Backend;
  readonly kind: StorageKind;
  readonly collection: string;
  readonly embedder: Embedder | undefined;
  #open = false;

  constructor(name: string, backend: Backend, options: ProviderOptions = {}) {
    this.name = name;
    this.backend = backend;
    const natural =
      kinds[canonicalName(backend.name)] ??
      (backend.records === undefined && backend.vectors !== undefined ? 'vector' : 'key_value');
    this.kind = options.kind ?? natural;
    this.collection = options.collection ?? backend.facet(defaultCollectionFacet) ?? 'default';
    this.embedder = options.embedder;
  }

  /** Opens the backend at first use; after a failure the next use tries again. Backends share one opening among calls at the same time, each with its own deadline. */
  async ready(options?: CallOptions): Promise<this> {
    if (!this.#open) await this.backend.open(options);
    this.#open = true;
    return this;
  }

  /** How the backend is now; opens it when it is not open yet. */
  async health(options?: CallOptions): Promise<HealthReport> {
    const failure = await outcome(this.ready(options));
    const report = await this.backend.health(options);
    return failure.ok ? report : { ...report, status: 'unhealthy', message: failure.error.message };
  }

  /** The vectors that data is kept in, or `undefined` when it is kept in records. */
  get vectorHome(): VectorStore | undefined {
    return this.kind === 'vector' || this.backend.records === undefined ? this.backend.vectors : undefined;
  }

  /** The records; a provider that has none is `unsupported`. */
  keyed(operation: string): RecordStore | KeyedRecords {
    return this.backend.records ?? this.refuse(operation, 'keeps no records');
  }

  /** The whole record store; a provider that has only keyed records is `unsupported`. */
  records(operation: string): RecordStore {
    const { records } = this.backend;
    return isRecordStore(records) ? records : this.refuse(operation, 'has no lists and queries');
  }

  vectors(operation: string): VectorStore {
    return this.backend.vectors ?? this.refuse(operation, 'keeps no vectors');
  }

  refuse(operation: string, why: string): never {
    throw new StorageError({
      code: 'unsupported',
      message: `Provider '${this.name}' ${why}; use another one for ${operation}.`,
      backend: this.backend.name,
      operation,
    });
  }
}
