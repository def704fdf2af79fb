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
import { type ChromaCapabilities, chromaCapabilities } from './chroma-capabilities.ts';
import { type ChromaClient, connectChroma } from './chroma-client.ts';
import { translateChroma } from './chroma-errors.ts';
import { type ChromaOptions, chromaSettings } from './chroma-options.ts';
import { ChromaRecords } from './chroma-records.ts';

/** Chroma as a backend. */
export interface ChromaBackend extends Backend<ChromaCapabilities> {
  readonly records: RecordStore;
}

class Chroma implements ChromaBackend {
  readonly name = 'chroma';
  readonly capabilities: ChromaCapabilities = chromaCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: ChromaOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = chromaSettings(options);
    const holder: ClientHolder<ChromaClient> =
      client === undefined
        ? ownedClient(
            () => connectChroma(url),
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
      translate: translateChroma,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new ChromaRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateChroma,
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

/** Makes a Chroma backend, not yet open. */
export function createChroma(options: ChromaOptions = {}): ChromaBackend {
  return new Chroma(options);
}
