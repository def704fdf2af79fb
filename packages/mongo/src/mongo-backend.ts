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
import { type MongoCapabilities, mongoCapabilities } from './mongo-capabilities.ts';
import { connectMongo, type MongoClient } from './mongo-client.ts';
import { translateMongo } from './mongo-errors.ts';
import { type MongoOptions, mongoSettings } from './mongo-options.ts';
import { MongoRecords } from './mongo-records.ts';

/** Mongo as a backend. */
export interface MongoBackend extends Backend<MongoCapabilities> {
  readonly records: RecordStore;
}

class Mongo implements MongoBackend {
  readonly name = 'mongo';
  readonly capabilities: MongoCapabilities = mongoCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: MongoOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = mongoSettings(options);
    const holder: ClientHolder<MongoClient> =
      client === undefined
        ? ownedClient(
            () => connectMongo(url),
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
      translate: translateMongo,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new MongoRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateMongo,
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

/** Makes a Mongo backend, not yet open. */
export function createMongo(options: MongoOptions = {}): MongoBackend {
  return new Mongo(options);
}
