import {
  type Backend,
  type CallOptions,
  type FacetToken,
  type HealthReport,
  type Plugin,
  StorageError,
} from '@storage/core';
import {
  type ArtifactStore,
  artifactsFacet,
  type ConversationStore,
  conversationsFacet,
  type KeyValueStore,
  keyValueFacet,
  type MetricStore,
  metricsFacet,
  type StateStore,
  stateFacet,
} from '@storage/domain';
import { loadBackend } from './load-backend.ts';

export interface StorageManagerOptions {
  /** The backend that holds everything: its name (`sqlite`), or one that was made already, which the manager then owns: it opens and closes it. */
  readonly backend: string | Backend;
  /** Options of a backend given by name, as its plugin takes them. */
  readonly options?: unknown;
  /** Backends that are looked for here before they are loaded from their packages. */
  readonly plugins?: readonly Plugin[] | undefined;
}

/**
 * Opens, shares and closes the stores of an application. Making one does nothing; `initialize` opens. A store asked for before that
 * is `not_initialized`, after `shutdown` it is `closed`. A store is made when it is first asked for, and is the same from then on.
 */
export class StorageManager implements AsyncDisposable {
  readonly #options: StorageManagerOptions;
  readonly #stores = new Map<string, unknown>();
  #backend: Backend | undefined;
  #opening: Promise<void> | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(options: StorageManagerOptions) {
    this.#options = options;
  }

  get isInitialized(): boolean {
    return this.#state === 'open';
  }

  /** Loads the backend and opens it. Safe to call at the same time and again; after a failure it may be tried again. */
  async initialize(options?: CallOptions): Promise<void> {
    if (this.#state === 'closed') throw closed();
    this.#opening ??= this.#open(options).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    await this.#opening;
  }

  /** Waits for what is in flight, up to the deadline, and closes the backend. Safe to call twice. */
  async shutdown(options?: CallOptions): Promise<void> {
    this.#state = 'closed';
    await this.#opening?.catch(() => undefined);
    await this.#backend?.close(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** How the backend is now. Never rejects. */
  async healthCheck(options?: CallOptions): Promise<HealthReport> {
    if (this.#backend !== undefined) return this.#backend.health(options);
    const name = typeof this.#options.backend === 'string' ? this.#options.backend : this.#options.backend.name;
    return {
      name,
      status: 'unknown',
      latencyMs: 0,
      message: 'Not initialized; await initialize() first.',
      details: {},
      checkedAt: new Date(),
    };
  }

  get conversations(): ConversationStore {
    return this.#store(conversationsFacet);
  }

  get state(): StateStore {
    return this.#store(stateFacet);
  }

  get artifacts(): ArtifactStore {
    return this.#store(artifactsFacet);
  }

  get metrics(): MetricStore {
    return this.#store(metricsFacet);
  }

  get kv(): KeyValueStore {
    return this.#store(keyValueFacet);
  }

  async #open(options: CallOptions | undefined): Promise<void> {
    const { backend, options: backendOptions, plugins = [] } = this.#options;
    const made = typeof backend === 'string' ? await loadBackend(backend, backendOptions, plugins) : backend;
    await made.open(options);
    this.#backend = made;
    if (this.#state === 'new') this.#state = 'open';
  }

  #store<T>(token: FacetToken<T>): T {
    if (this.#state === 'closed') throw closed();
    const known = this.#stores.get(token.id);
    if (known !== undefined) return known as T;
    if (this.#backend === undefined) {
      throw new StorageError({
        code: 'not_initialized',
        message: 'The StorageManager is not initialized; await initialize() first.',
      });
    }
    const store = this.#backend.facet(token);
    if (store === undefined) {
      throw new StorageError({
        code: 'unsupported',
        message: `The ${this.#backend.name} backend does not have '${token.id}'; use another backend for it.`,
        backend: this.#backend.name,
        details: { facet: token.id },
      });
    }
    this.#stores.set(token.id, store);
    return store;
  }
}

function closed(): StorageError {
  return new StorageError({ code: 'closed', message: 'The StorageManager is shut down; make a new one.' });
}
