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
import { type PgvectorCapabilities, pgvectorCapabilities } from './pgvector-capabilities.ts';
import { connectPgvector, type PgvectorClient } from './pgvector-client.ts';
import { translatePgvector } from './pgvector-errors.ts';
import { type PgvectorOptions, pgvectorSettings } from './pgvector-options.ts';
import { PgvectorRecords } from './pgvector-records.ts';

/** Pgvector as a backend. */
export interface PgvectorBackend extends Backend<PgvectorCapabilities> {
  readonly records: RecordStore;
}

class Pgvector implements PgvectorBackend {
  readonly name = 'pgvector';
  readonly capabilities: PgvectorCapabilities = pgvectorCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: PgvectorOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = pgvectorSettings(options);
    const holder: ClientHolder<PgvectorClient> =
      client === undefined
        ? ownedClient(
            () => connectPgvector(url),
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
      translate: translatePgvector,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new PgvectorRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translatePgvector,
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

/** Makes a Pgvector backend, not yet open. */
export function createPgvector(options: PgvectorOptions = {}): PgvectorBackend {
  return new Pgvector(options);
}
