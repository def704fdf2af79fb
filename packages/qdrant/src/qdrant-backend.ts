import {
  type BackendContext,
  type Call,
  createHealth,
  createHybridSearch,
  createLifecycle,
  createVectorStore,
  type Lifecycle,
} from '@storage/backend-kit';
import {
  type Backend,
  type CallOptions,
  defaultCollectionFacet,
  type FacetToken,
  type HealthReport,
  StorageError,
  type VectorStore,
} from '@storage/core';
import { type HybridSearch, hybridSearchFacet } from '@storage/domain';
import { type QdrantCapabilities, qdrantCapabilities } from './qdrant-capabilities.ts';
import { QdrantConnection } from './qdrant-connection.ts';
import { qdrantTranslator } from './qdrant-errors.ts';
import { checkHealth, checkVersion, readVersion } from './qdrant-health.ts';
import { type QdrantOptions, type QdrantSettings, qdrantSettings } from './qdrant-options.ts';
import { QdrantVectors } from './qdrant-vectors.ts';

/** A store of vectors in Qdrant. */
export interface QdrantBackend extends Backend<QdrantCapabilities> {
  readonly name: 'qdrant';
  readonly vectors: VectorStore;
}

class Qdrant implements QdrantBackend {
  readonly name = 'qdrant';
  readonly capabilities: QdrantCapabilities;
  readonly vectors: VectorStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: QdrantSettings;
  readonly #context: BackendContext;
  readonly #lifecycle: Lifecycle;
  readonly #connection: QdrantConnection;
  readonly #driver: QdrantVectors;
  readonly #hybrid: HybridSearch;

  constructor(settings: QdrantSettings) {
    const { where, clock, newId, defaultTimeoutMs } = settings;
    this.#settings = settings;
    this.capabilities = qdrantCapabilities(settings);
    const translate = qdrantTranslator(where);
    this.#connection = new QdrantConnection(settings);
    this.#driver = new QdrantVectors(this.#connection, settings, translate);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: (call) => this.#connect(call),
      close: () => this.#connection.close(),
      defaultTimeoutMs,
    });
    const { capabilities } = this;
    this.#context = {
      name: this.name,
      capabilities,
      lifecycle: this.#lifecycle,
      translate,
      clock,
      newId,
      defaultTimeoutMs,
    };
    this.vectors = createVectorStore(this.#driver, this.#context);
    this.#hybrid = createHybridSearch(this.#driver, this.#context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate,
      clock,
      defaultTimeoutMs,
      check: (call) => checkHealth(this.#connection, settings, call),
    });
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    if (token.id === defaultCollectionFacet.id) return this.#settings.collectionName as T | undefined;
    if (token.id === hybridSearchFacet.id) return this.#hybrid as T;
    return undefined;
  }

  open(options?: CallOptions): Promise<void> {
    return this.#lifecycle.open(options);
  }

  close(options?: CallOptions): Promise<void> {
    return this.#lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #connect(call: Call): Promise<void> {
    try {
      await this.#connection.open();
      checkVersion(await readVersion(this.#connection, call), this.#settings.where);
      // Shows that the key is good.
      await this.#connection.send(call, (api, init) => api.getCollections({}, init));
      await this.#makeDefault(call);
    } catch (error) {
      await this.#connection.close();
      throw this.#context.translate(error, { operation: 'open', key: undefined, write: false });
    }
  }

  async #makeDefault(call: Call): Promise<void> {
    const { collectionName, vectorSize, metric } = this.#settings;
    if (collectionName === undefined || vectorSize === undefined) return;
    const definition = { dimension: vectorSize, metric, metadata: '{}', embeddingModel: undefined, fields: {} };
    const { collection } = await this.#driver.createCollection(collectionName, definition, call);
    if (collection.dimension === vectorSize && collection.metric === metric) return;
    throw new StorageError({
      code: 'invalid_state',
      message: `Collection ${collectionName} is there with dimension ${collection.dimension} and metric ${collection.metric}; change vectorSize and metric, or collectionName.`,
      details: { collection: collectionName, dimension: collection.dimension, metric: collection.metric },
    });
  }
}

/**
 * A store of vectors in Qdrant. Nothing is opened before `open`. Bad options are `invalid_argument` at once.
 */
export function createQdrant(options?: QdrantOptions): QdrantBackend {
  return new Qdrant(qdrantSettings(options));
}
