import { createHash } from 'node:crypto';
import {
  type BackendContext,
  type Call,
  createHealth,
  createLifecycle,
  createMessaging,
  createRecordStore,
  createTransactions,
  type Lifecycle,
  type MessagingFacade,
  makeCall,
} from '@storage/backend-kit';
import type {
  Backend,
  CallOptions,
  FacetToken,
  HealthReport,
  Messaging,
  RecordStore,
  Transactions,
} from '@storage/core';
import { joinPath } from '@storage/core/filter';
import { postgresDialectIn, postgresTexts } from '@storage/sql';
import {
  applySchema,
  PostgresPool,
  PostgresPoolSession,
  postgresTranslator,
  type Statement,
  StatementNames,
} from '@storage/sql/pg';
import type { Pool } from 'pg';
import { type PostgresCapabilities, postgresCapabilities } from './postgres-capabilities.ts';
import { checkHealth } from './postgres-health.ts';
import { PostgresMessaging } from './postgres-messaging.ts';
import { type PostgresOptions, type PostgresSettings, postgresSettings } from './postgres-options.ts';
import { PostgresRecordRows } from './postgres-record-rows.ts';
import { PostgresRecords } from './postgres-records.ts';
import { recordTables } from './postgres-schema.ts';
import { createReplicas, type PostgresReplicas, type StaleView, withReplicas } from './postgres-stale.ts';
import { PostgresSweep } from './postgres-sweep.ts';
import { PostgresTransactions } from './postgres-transactions.ts';

/** A store in a PostgreSQL database. */
export interface PostgresBackend extends Backend<PostgresCapabilities> {
  readonly name: 'postgres';
  readonly records: RecordStore;
  readonly transactions: Transactions;
  /** Missing where `capabilities.messaging` is false. */
  readonly messaging?: Messaging;
  /** Reads that may be answered by `replicas`. */
  readonly stale: StaleView;
  /** The schema that holds the tables. */
  readonly schema: string;
  /** The connections, for other clients that are to share them; `not_initialized` before `open`. */
  readonly pool: Pool;
}

/** How long a sweep may take: nobody waits for it. */
const sweepMs = 30_000;

class Postgres implements PostgresBackend {
  readonly name = 'postgres';
  readonly capabilities: PostgresCapabilities;
  readonly records: RecordStore;
  readonly transactions: Transactions;
  readonly messaging?: MessagingFacade;
  readonly schema: string;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: PostgresSettings;
  readonly #context: BackendContext;
  readonly #lifecycle: Lifecycle;
  readonly #pool: PostgresPool;
  readonly #session: PostgresPoolSession;
  readonly #replicas: PostgresReplicas;
  readonly #notices: PostgresMessaging | undefined;
  #trouble: string | undefined;

  constructor(settings: PostgresSettings) {
    const { where, schema, clock, newId, defaultTimeoutMs, fields, listen } = settings;
    this.#settings = settings;
    this.schema = schema;
    this.capabilities = postgresCapabilities(settings);
    const translate = postgresTranslator(where);
    this.#pool = new PostgresPool(settings);
    this.#session = new PostgresPoolSession(this.#pool, translate);
    this.#lifecycle = createLifecycle({
      backend: 'postgres',
      open: (call) => this.#connect(call),
      close: (call) => this.#disconnect(call),
      defaultTimeoutMs,
    });
    const { capabilities } = this;
    const context = { name: 'postgres', capabilities, lifecycle: this.#lifecycle, translate, newId, defaultTimeoutMs };
    this.#context = context;
    // Two stores may share the connections of one pool; the names of their statements are apart.
    const tag = createHash('sha256').update(schema).digest('hex').slice(0, 8);
    const texts = postgresTexts(schema, tag);
    const rows = new PostgresRecordRows(this.#session, texts, clock);
    const sweep = new PostgresSweep(rows, (task) => this.#runSweep(task));
    const indexed = new Set(fields.map((field) => joinPath(field.path)));
    const options = {
      dialect: postgresDialectIn(schema),
      names: new StatementNames(),
      isIndexed: (path: readonly string[]): boolean => indexed.has(joinPath(path)),
    };
    const records = new PostgresRecords(rows, { ...options, afterWrite: () => sweep.afterWrite() });
    this.records = createRecordStore(records, this.#context);
    const inside = { ...options, afterWrite: () => undefined };
    this.transactions = createTransactions(
      new PostgresTransactions(records, rows, this.#session, inside),
      this.#context,
    );
    this.#replicas = createReplicas(settings, context, records, (pool) => {
      const session = new PostgresPoolSession(pool, translate);
      return new PostgresRecords(new PostgresRecordRows(session, texts, clock), inside);
    });
    if (listen !== undefined) {
      const query = (statement: Statement, call: Call): Promise<unknown> => this.#session.run(statement, call, true);
      this.#notices = new PostgresMessaging({ schema, listen, translate, query });
      this.messaging = createMessaging(this.#notices, context);
    }
    this.health = createHealth({
      backend: 'postgres',
      lifecycle: this.#lifecycle,
      check: async (call) => {
        const state = { trouble: this.#trouble, listener: this.#notices?.state };
        const finding = checkHealth(this.#pool, settings, state, call);
        return withReplicas(await finding, await this.#replicas.states(call));
      },
      translate,
      clock,
      defaultTimeoutMs,
    });
  }

  get pool(): Pool {
    return this.#pool.native;
  }

  get stale(): StaleView {
    return this.#replicas;
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

  async #connect(call: Call): Promise<void> {
    const { schema, migrate: mode, fields } = this.#settings;
    try {
      await this.#pool.open();
      await this.#replicas.open();
      if (mode === 'off') (await this.#pool.connect(call)).release();
      await applySchema(this.#session, recordTables(schema, mode, fields), call);
    } catch (error) {
      await this.#disconnect();
      throw this.#context.translate(error, { operation: 'open', key: undefined, write: false });
    }
  }

  async #disconnect(call?: Call): Promise<void> {
    await this.messaging?.[Symbol.asyncDispose]();
    await this.#notices?.close();
    await Promise.all([this.#pool.close(call), this.#replicas.close(call)]);
  }

  async #runSweep(task: (call: Call) => Promise<void>): Promise<void> {
    if (this.#lifecycle.state !== 'open') return;
    const limit = makeCall({ timeoutMs: sweepMs });
    this.#lifecycle.enter();
    try {
      await task(limit);
      this.#trouble = undefined;
    } catch (error) {
      // Nobody waits for a sweep: the next one tries again, and health tells of it.
      this.#trouble = this.#context.translate(error, { operation: 'sweep', key: undefined, write: true }).message;
    } finally {
      limit.end();
      this.#lifecycle.leave();
    }
  }
}

/**
 * A store in a PostgreSQL database: records and transactions. Nothing is opened before `open`. Bad options are
 * `invalid_argument` at once.
 */
export function createPostgres(options?: PostgresOptions): PostgresBackend {
  return new Postgres(postgresSettings(options));
}
