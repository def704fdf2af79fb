import {
  type BackendContext,
  type Call,
  createHealth,
  createLifecycle,
  createRecordStore,
  createTransactions,
  createVectorStore,
  type Lifecycle,
} from '@storage/backend-kit';
import type {
  Backend,
  CallOptions,
  FacetToken,
  HealthReport,
  RecordStore,
  Transactions,
  VectorStore,
} from '@storage/core';
import { joinPath } from '@storage/core/filter';
import { type SqliteCapabilities, sqliteCapabilities } from './sqlite-capabilities.ts';
import { configure, loadDrivers, makeFolder, openDatabase, SqliteConnection } from './sqlite-connection.ts';
import { SqliteEngine } from './sqlite-engine.ts';
import { sqliteTranslator } from './sqlite-errors.ts';
import { sqliteFacets } from './sqlite-facets.ts';
import { checkHealth } from './sqlite-health.ts';
import { type SqliteOptions, type SqliteSettings, toSettings } from './sqlite-options.ts';
import { SqliteRecordRows } from './sqlite-record-rows.ts';
import { SqliteRecords } from './sqlite-records.ts';
import { applySchema } from './sqlite-schema.ts';
import { SqliteSweep } from './sqlite-sweep.ts';
import { SqliteTransactions } from './sqlite-transactions.ts';
import { SqliteVectors } from './sqlite-vectors.ts';

/** A store in one SQLite file. */
export interface SqliteBackend extends Backend<SqliteCapabilities> {
  readonly name: 'sqlite';
  readonly records: RecordStore;
  readonly vectors: VectorStore;
  readonly transactions: Transactions;
}

/** What facets are made from. */
export interface SqliteRuntime {
  readonly settings: SqliteSettings;
  readonly context: BackendContext;
  /** There from `open` on; before, and after `close`, the lifecycle refuses calls. */
  readonly engine: SqliteEngine;
}

class Sqlite implements SqliteBackend, SqliteRuntime {
  readonly name = 'sqlite';
  readonly capabilities: SqliteCapabilities;
  readonly settings: SqliteSettings;
  readonly context: BackendContext;
  readonly records: RecordStore;
  readonly vectors: VectorStore;
  readonly transactions: Transactions;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  engine!: SqliteEngine;
  readonly #lifecycle: Lifecycle;
  readonly #records: SqliteRecords;
  readonly #vectors: SqliteVectors;
  readonly #transactions: SqliteTransactions;
  readonly #facets = new Map<string, unknown>();
  #sweep: SqliteSweep | undefined;
  #trouble: string | undefined;

  constructor(settings: SqliteSettings) {
    const { path, clock, newId, defaultTimeoutMs } = settings;
    this.settings = settings;
    this.capabilities = sqliteCapabilities(settings);
    const translate = sqliteTranslator(path);
    this.#lifecycle = createLifecycle({
      backend: 'sqlite',
      open: (call) => this.#connect(call),
      close: () => this.#disconnect(),
      defaultTimeoutMs,
    });
    this.context = {
      name: 'sqlite',
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate,
      newId,
      clock,
      defaultTimeoutMs,
    };
    const indexed = new Set(settings.fields.map((field) => joinPath(field.path)));
    const isIndexed = (path: readonly string[]): boolean => indexed.has(joinPath(path));
    this.#records = new SqliteRecords({
      translate,
      isIndexed,
      grouped: true,
      afterWrite: (now) => this.#sweep?.afterWrite(now),
    });
    this.records = createRecordStore(this.#records, this.context);
    this.#transactions = new SqliteTransactions(this.#records, { translate, isIndexed }, clock);
    this.transactions = createTransactions(this.#transactions, this.context);
    this.#vectors = new SqliteVectors(settings.vectorCacheBytes);
    this.vectors = createVectorStore(this.#vectors, this.context);
    this.health = createHealth({
      backend: 'sqlite',
      lifecycle: this.#lifecycle,
      check: (call) => this.engine.read(call, () => checkHealth(this.engine.connection, settings, this.#trouble)),
      translate,
      clock,
      defaultTimeoutMs,
    });
  }

  facet<T>(token: FacetToken<T>): T | undefined {
    const { id } = token;
    if (!this.#facets.has(id)) {
      const known = sqliteFacets.find((facet) => facet.id === id);
      if (known === undefined) return undefined;
      this.#facets.set(id, known.create(this));
    }
    return this.#facets.get(id) as T;
  }

  open(options?: CallOptions): Promise<void> {
    return this.#lifecycle.open(options);
  }

  close(options?: CallOptions): Promise<void> {
    if (this.#lifecycle.state === 'open') for (const { id, flush } of sqliteFacets) flush?.(this.#facets.get(id));
    this.#records.flush();
    return this.#lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #connect(call: Call): Promise<void> {
    const { settings } = this;
    const { database, memory, clock, busyTimeoutMs } = settings;
    try {
      const drivers = await loadDrivers();
      makeFolder(settings);
      const owned = database === undefined;
      const native = database ?? openDatabase(drivers, settings);
      try {
        const connection = new SqliteConnection(native);
        const connectAgain = (): SqliteConnection => {
          const second = openDatabase(drivers, settings);
          configure(second, settings);
          drivers.loadVectors(second);
          return new SqliteConnection(second);
        };
        const engine = new SqliteEngine(connection, owned && !memory ? connectAgain : undefined, busyTimeoutMs);
        drivers.loadVectors(native);
        // Each step may meet another process that opens the same file now.
        if (owned) await engine.write(call, () => configure(native, settings));
        const parts = sqliteFacets.flatMap((facet) => facet.schema);
        await engine.write(call, () =>
          applySchema(connection, {
            mode: settings.migrate,
            readOnly: settings.readOnly,
            fields: settings.fields,
            parts,
          }),
        );
        const rows = new SqliteRecordRows(connection, clock);
        this.#records.attach(rows, engine);
        this.#vectors.attach(connection, engine);
        this.#transactions.attach(engine);
        this.#sweep = settings.readOnly ? undefined : new SqliteSweep(rows, (task) => this.#runSweep(task));
        this.engine = engine;
      } catch (error) {
        if (owned) native.close();
        throw error;
      }
    } catch (error) {
      throw this.context.translate(error, { operation: 'open', key: undefined, write: false });
    }
  }

  #runSweep(task: () => void): void {
    if (this.#lifecycle.state !== 'open' || this.engine.occupied) return;
    try {
      task();
      this.#trouble = undefined;
    } catch (error) {
      // Nobody waits for a sweep: the next one tries again, and health tells of it.
      this.#trouble = this.context.translate(error, { operation: 'sweep', key: undefined, write: true }).message;
    }
  }

  #disconnect(): void {
    this.#sweep?.stop();
    this.engine.close();
    if (this.settings.database === undefined) this.engine.connection.close();
  }
}

/**
 * A store in one SQLite file: records, vectors and transactions. Nothing is opened before `open`. Bad options are
 * `invalid_argument` at once.
 */
export function createSqlite(options?: SqliteOptions): SqliteBackend {
  return new Sqlite(toSettings(options));
}
