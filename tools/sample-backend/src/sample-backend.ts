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
import { type SampleCapabilities, sampleCapabilities } from './sample-capabilities.ts';
import { connectSample, type SampleClient } from './sample-client.ts';
import { translateSample } from './sample-errors.ts';
import { type SampleOptions, sampleSettings } from './sample-options.ts';
import { SampleRecords } from './sample-records.ts';

/** Sample as a backend. */
export interface SampleBackend extends Backend<SampleCapabilities> {
  readonly records: RecordStore;
}

class Sample implements SampleBackend {
  readonly name = 'sample';
  readonly capabilities: SampleCapabilities = sampleCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: SampleOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = sampleSettings(options);
    const holder: ClientHolder<SampleClient> =
      client === undefined
        ? ownedClient(
            () => connectSample(url),
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
      translate: translateSample,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new SampleRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateSample,
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

/** Makes a Sample backend, not yet open. */
export function createSample(options: SampleOptions = {}): SampleBackend {
  return new Sample(options);
}
