import {
  type BackendContext,
  type ClientHolder,
  createHealth,
  createLifecycle,
  createVectorStore,
  type Lifecycle,
  ownedClient,
} from '@storage/backend-kit';
import type { Backend, CallOptions, FacetToken, HealthReport, VectorStore } from '@storage/core';
import { type ChromaCapabilities, chromaCapabilities } from './chroma-capabilities.ts';
import { type ChromaConnection, connectChroma } from './chroma-client.ts';
import { translateChroma } from './chroma-errors.ts';
import { type ChromaOptions, type ChromaSettings, toSettings } from './chroma-options.ts';
import { ChromaVectors } from './chroma-vectors.ts';

/** Vectors in Chroma. */
export interface ChromaBackend extends Backend<ChromaCapabilities> {
  readonly name: 'chroma';
  readonly vectors: VectorStore;
}

class Chroma implements ChromaBackend {
  readonly name = 'chroma';
  readonly capabilities: ChromaCapabilities = chromaCapabilities;
  readonly vectors: VectorStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(settings: ChromaSettings) {
    const { clock, newId, defaultTimeoutMs } = settings;
    // An injected client stays open: its connection has nothing to close.
    const holder: ClientHolder<ChromaConnection> = ownedClient(
      () => connectChroma(settings),
      (connection) => connection.close(),
    );
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: async () => {
        try {
          await holder.get();
        } catch (error) {
          throw translateChroma(error, { operation: 'open', key: undefined, write: false });
        }
      },
      close: () => holder.close(),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: translateChroma,
      clock,
      newId,
      defaultTimeoutMs,
    };
    this.vectors = createVectorStore(new ChromaVectors(() => holder.get(), settings), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateChroma,
      clock,
      defaultTimeoutMs,
      check: async () => {
        const { client, maxBatch } = await holder.get();
        const [version] = await Promise.all([client.version(), client.heartbeat()]);
        return { details: { version, tenant: client.tenant, database: client.database, maxBatch } };
      },
    });
  }

  facet<T>(_token: FacetToken<T>): T | undefined {
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
}

/** Vectors in Chroma. Nothing is connected or started before `open`. Bad options are `invalid_argument` at once. */
export function createChroma(options?: ChromaOptions): ChromaBackend {
  return new Chroma(toSettings(options));
}
