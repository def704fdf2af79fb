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
import { type PineconeCapabilities, pineconeCapabilities } from './pinecone-capabilities.ts';
import { connectPinecone, type PineconeClient } from './pinecone-client.ts';
import { translatePinecone } from './pinecone-errors.ts';
import { type PineconeOptions, pineconeSettings } from './pinecone-options.ts';
import { PineconeRecords } from './pinecone-records.ts';

/** Pinecone as a backend. */
export interface PineconeBackend extends Backend<PineconeCapabilities> {
  readonly records: RecordStore;
}

class Pinecone implements PineconeBackend {
  readonly name = 'pinecone';
  readonly capabilities: PineconeCapabilities = pineconeCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: PineconeOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = pineconeSettings(options);
    const holder: ClientHolder<PineconeClient> =
      client === undefined
        ? ownedClient(
            () => connectPinecone(url),
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
      translate: translatePinecone,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new PineconeRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translatePinecone,
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

/** Makes a Pinecone backend, not yet open. */
export function createPinecone(options: PineconeOptions = {}): PineconeBackend {
  return new Pinecone(options);
}
