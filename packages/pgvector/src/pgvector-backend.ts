import {
  type BackendContext,
  type Call,
  CallGuard,
  collectionMissing,
  createHealth,
  createHybridSearch,
  createLifecycle,
  createVectorStore,
  type Lifecycle,
} from '@storage/backend-kit';
import type { Backend, CallOptions, FacetToken, HealthReport, VectorStore } from '@storage/core';
import { type HybridSearch, hybridSearchFacet } from '@storage/domain';
import { applySchema, PostgresPool, PostgresPoolSession, StatementNames } from '@storage/sql/pg';
import type { Pool } from 'pg';
import { type PgvectorCapabilities, pgvectorCapabilities } from './pgvector-capabilities.ts';
import { Collections } from './pgvector-collections.ts';
import { pgvectorTranslator } from './pgvector-errors.ts';
import { type Extension, findExtension } from './pgvector-extension.ts';
import { checkHealth } from './pgvector-health.ts';
import { IndexBuilder } from './pgvector-index-builder.ts';
import { type PgvectorOptions, type PgvectorSettings, pgvectorSettings } from './pgvector-options.ts';
import { vectorTables } from './pgvector-schema.ts';
import { PgvectorVectors } from './pgvector-vectors.ts';

/** Vectors in a PostgreSQL database with the extension pgvector. */
export interface PgvectorBackend extends Backend<PgvectorCapabilities> {
  readonly name: 'pgvector';
  readonly vectors: VectorStore;
  /** The schema that holds the tables. */
  readonly schema: string;
  /** The connections, for other clients that are to share them; `not_initialized` before `open`. */
  readonly pool: Pool;
  /**
   * Builds the index of a collection now, whatever its count, and waits for it; where another process builds it, for that. Lists
   * of `ivfflat` are made anew of the documents that are there. `not_found` where there is no such collection.
   */
  buildIndex(collection: string, options?: CallOptions): Promise<void>;
}

class Pgvector implements PgvectorBackend {
  readonly name = 'pgvector';
  readonly capabilities: PgvectorCapabilities = pgvectorCapabilities;
  readonly vectors: VectorStore;
  readonly schema: string;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: PgvectorSettings;
  readonly #context: BackendContext;
  readonly #guard: CallGuard;
  readonly #lifecycle: Lifecycle;
  readonly #pool: PostgresPool;
  readonly #session: PostgresPoolSession;
  readonly #collections: Collections;
  readonly #indexes: IndexBuilder;
  readonly #driver: PgvectorVectors;
  readonly #hybrid: HybridSearch;
  #extension: Extension | undefined;

  constructor(settings: PgvectorSettings) {
    const { where, schema, clock, newId, defaultTimeoutMs } = settings;
    this.#settings = settings;
    this.schema = schema;
    const translate = pgvectorTranslator(where);
    this.#pool = new PostgresPool(settings);
    this.#session = new PostgresPoolSession(this.#pool, translate);
    this.#lifecycle = createLifecycle({
      backend: 'pgvector',
      open: (call) => this.#connect(call),
      close: (call) => this.#disconnect(call),
      defaultTimeoutMs,
    });
    const { capabilities } = this;
    this.#context = {
      name: 'pgvector',
      capabilities,
      lifecycle: this.#lifecycle,
      translate,
      newId,
      clock,
      defaultTimeoutMs,
    };
    this.#guard = new CallGuard(this.#context);
    this.#collections = new Collections(this.#session, settings);
    this.#indexes = new IndexBuilder(this.#pool, settings, translate);
    this.#driver = new PgvectorVectors({
      session: this.#session,
      collections: this.#collections,
      indexes: this.#indexes,
      names: new StatementNames(),
      settings,
    });
    this.vectors = createVectorStore(this.#driver, this.#context);
    this.#hybrid = createHybridSearch(this.#driver, this.#context);
    this.health = createHealth({
      backend: 'pgvector',
      lifecycle: this.#lifecycle,
      check: (call) => checkHealth(this.#pool, settings, this.#extension, this.#indexes.trouble, call),
      translate,
      clock,
      defaultTimeoutMs,
    });
  }

  get pool(): Pool {
    return this.#pool.native;
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    return token.id === hybridSearchFacet.id ? (this.#hybrid as T) : undefined;
  }

  buildIndex(collection: string, options?: CallOptions): Promise<void> {
    return this.#guard.run('buildIndex', undefined, true, options, () => async (call) => {
      const found = await this.#collections.get(collection, call);
      if (found === undefined) throw collectionMissing(collection);
      await this.#indexes.build(found, call);
    });
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
    const { schema, migrate } = this.#settings;
    try {
      await this.#pool.open();
      this.#extension = await findExtension(this.#session, migrate === 'auto', call);
      this.#driver.attach(this.#extension);
      await applySchema(this.#session, vectorTables(schema, migrate), call);
    } catch (error) {
      await this.#pool.close(call);
      throw this.#context.translate(error, { operation: 'open', key: undefined, write: false });
    }
  }

  async #disconnect(call: Call): Promise<void> {
    await this.#indexes.close();
    await this.#pool.close(call);
  }
}

/**
 * Vectors in a PostgreSQL database with the extension pgvector. Nothing is opened before `open`. Bad options are
 * `invalid_argument` at once.
 */
export function createPgvector(options?: PgvectorOptions): PgvectorBackend {
  return new Pgvector(pgvectorSettings(options));
}
