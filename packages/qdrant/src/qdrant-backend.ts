import {
  type BackendContext,
  type ClientHolder,
  createHealth,
  createLifecycle,
  createRecordStore,
  injectedClient,
  type Lifecycle,
  ownedClient,
} from '@storage/backend-kit';
import type { Backend, CallOptions, FacetToken, HealthReport, RecordStore } from '@storage/core';
import { type QdrantCapabilities, qdrantCapabilities } from './qdrant-capabilities.ts';
import { connectQdrant, type QdrantClient } from './qdrant-client.ts';
import { translateQdrant } from './qdrant-errors.ts';
import { type QdrantOptions, qdrantSettings } from './qdrant-options.ts';
import { QdrantRecords } from './qdrant-records.ts';

/** Qdrant as a backend. */
export interface QdrantBackend extends Backend<QdrantCapabilities> {
  readonly records: RecordStore;
}

class Qdrant implements QdrantBackend {
  readonly name = 'qdrant';
  readonly capabilities: QdrantCapabilities = qdrantCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: QdrantOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = qdrantSettings(options);
    const holder: ClientHolder<QdrantClient> =
      client === undefined
        ? ownedClient(
            () => connectQdrant(url),
            (own) => own.close(),
          )
        : injectedClient(client);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: async () => {
        await holder.get();
      },
      close: () => holder.close(),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: translateQdrant,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new QdrantRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateQdrant,
      clock,
      defaultTimeoutMs,
      check: async () => {
        await (await holder.get()).ping();
        return {};
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

/** Makes a Qdrant backend, not yet open. */
export function createQdrant(options: QdrantOptions = {}): QdrantBackend {
  return new Qdrant(options);
}
