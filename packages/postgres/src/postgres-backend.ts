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
import { type PostgresCapabilities, postgresCapabilities } from './postgres-capabilities.ts';
import { connectPostgres, type PostgresClient } from './postgres-client.ts';
import { translatePostgres } from './postgres-errors.ts';
import { type PostgresOptions, postgresSettings } from './postgres-options.ts';
import { PostgresRecords } from './postgres-records.ts';

/** Postgres as a backend. */
export interface PostgresBackend extends Backend<PostgresCapabilities> {
  readonly records: RecordStore;
}

class Postgres implements PostgresBackend {
  readonly name = 'postgres';
  readonly capabilities: PostgresCapabilities = postgresCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: PostgresOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = postgresSettings(options);
    const holder: ClientHolder<PostgresClient> =
      client === undefined
        ? ownedClient(
            () => connectPostgres(url),
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
      translate: translatePostgres,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new PostgresRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translatePostgres,
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

/** Makes a Postgres backend, not yet open. */
export function createPostgres(options: PostgresOptions = {}): PostgresBackend {
  return new Postgres(options);
}
