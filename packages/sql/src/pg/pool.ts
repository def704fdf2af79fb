import { setTimeout as delay } from 'node:timers/promises';
import {
  type Call,
  type ClientHolder,
  callOver,
  injectedClient,
  ownedClient,
  raceCall,
  unboundedCall,
} from '@storage/backend-kit';
import { type Applied, isStorageError, StorageError } from '@storage/core';
import type { ClientBase, Connection, CustomTypesConfig, Pool, PoolClient, PoolConfig } from 'pg';
import type { PoolSettings } from './connection.ts';
import { postgresTranslator, sqlState } from './errors.ts';

/** A statement with its parameters. */
export interface Statement {
  /** Prepared once a connection under this name, where names are used. The same name has the same text everywhere. */
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
}

/** Columns in the order of the statement. JSON comes as its text, 64-bit integers as numbers, bytes as bytes. */
export type Row = readonly unknown[];

export interface Answer {
  readonly rows: readonly Row[];
  /** Rows that were answered or changed. */
  readonly count: number;
  /** What the server did: `SELECT`, `COMMIT`, `ROLLBACK`. */
  readonly command: string;
}

export interface PoolFigures {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** What the driver's client has beyond its types: where it is connected, and what a cancel request names. */
interface ClientInside {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: { readonly ssl: boolean | object };
}
interface ConnectionInside extends Connection {
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

type Driver = typeof import('pg');

/** How long a call that is over waits for the server to say what became of its statement. */
const graceMs = 300;

const nothing = (): void => undefined;

/** Clients whose errors are listened to: several stores may share a pool. */
const heard = new WeakSet<PoolClient>();

/** A call that is over, with what is known of its write. */
function over(call: Call, applied: Applied): StorageError {
  const { code, message, details, cause } =
    callOver(call) ?? new StorageError({ code: 'aborted', message: 'The call was aborted.' });
  return new StorageError({ code, message, details, cause, applied });
}

/** Texts instead of parsed JSON, numbers instead of texts for 64-bit integers; the rest as the driver reads it. */
function typesOf({ types }: Driver): CustomTypesConfig {
  const parsers = new Map<number, (value: never) => unknown>([
    [20, Number],
    [114, (value: string) => value],
    [3802, (value: string) => value],
    [17, types.getTypeParser(17)],
  ]);
  const plain = (value: string): string => value;
  const getTypeParser = (oid: number, format?: 'text' | 'binary'): ((value: never) => unknown) =>
    parsers.get(oid) ?? (oid === 25 ? plain : types.getTypeParser(oid, format as 'text'));
  return { getTypeParser } as CustomTypesConfig;
}

/** One connection of the pool, until it is released. */
export class PostgresConnection {
  readonly client: PoolClient;
  readonly #pool: PostgresPool;
  readonly #driver: Driver;
  /** It is in a state that nobody should meet: it is closed on release. */
  #broken = false;
  #running = 0;

  constructor(client: PoolClient, pool: PostgresPool, driver: Driver) {
    this.client = client;
    this.#pool = pool;
    this.#driver = driver;
  }

  /**
   * Runs a statement. When the call is over first, the server is told to stop, and the connection stays out until that request has
   * been dealt with, or it would meet the next statement. What is thrown is the driver's, or the reason why the call is over with
   * what is known of the write.
   */
  async query(statement: Statement, call: Call = unboundedCall): Promise<Answer> {
    const { text, values, name } = statement;
    const { namedStatements, types } = this.#pool;
    const work = this.client.query({
      text,
      ...(values !== undefined && { values: values as unknown[] }),
      ...(name !== undefined && namedStatements && { name }),
      rowMode: 'array',
      types,
    });
    const signal = call === unboundedCall ? undefined : call.signal;
    this.#running++;
    try {
      const { rows, rowCount, command } = await (signal === undefined ? work : this.#cancellable(work, call, signal));
      return { rows, count: rowCount ?? 0, command };
    } catch (error) {
      // Without an SQLSTATE the connection is what failed; class 57P is the server ending it.
      const state = sqlState(error);
      if (state === '' || state.startsWith('57P') || state.startsWith('08')) this.#broken ||= !isOver(error);
      throw error;
    } finally {
      this.#running--;
    }
  }

  /** Whether a statement is under way. */
  get busy(): boolean {
    return this.#running > 0;
  }

  /** Stops what is under way and closes the connection. */
  async abandon(): Promise<void> {
    await this.#requestCancel();
    this.release(true);
  }

  async #cancellable<T>(work: Promise<T>, call: Call, signal: AbortSignal): Promise<T> {
    let leave: () => void = nothing;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    try {
      const settled = work.then(
        () => true,
        () => true,
      );
      if (await Promise.race([settled, left.then(() => false)])) return await work;
      const stopped = Promise.all([settled, this.#requestCancel()]).then(() => true);
      const timer = new AbortController();
      const late = delay(graceMs, false, { signal: timer.signal }).catch(() => false);
      const answered = await Promise.race([stopped, late]);
      timer.abort();
      if (!answered) {
        this.#broken = true;
        throw over(call, 'unknown');
      }
    } finally {
      signal.removeEventListener('abort', leave);
    }
    try {
      return await work;
    } catch (error) {
      throw sqlState(error) === '57014' ? over(call, 'no') : error;
    }
  }

  /** Asks the server to stop what this connection does. Resolves when the request's own connection has closed. */
  #requestCancel(): Promise<void> {
    const { host, port, processID, secretKey, connection } = this.client as unknown as ClientInside;
    if (processID === null || secretKey === null) return Promise.resolve();
    const request = new this.#driver.Connection({ ssl: connection.ssl } as never) as ConnectionInside;
    return new Promise<void>((resolve) => {
      const send = (): void => request.cancel(processID, secretKey);
      request.once('connect', () => (connection.ssl === false ? send() : request.requestSsl()));
      request.once('sslconnect', send);
      // One that can't be sent changes nothing: who waits for the statement goes by its own limit.
      request.on('error', () => resolve());
      request.once('end', resolve);
      if (host.startsWith('/')) request.connect(`${host}/.s.PGSQL.${port}`);
      else request.connect(port, host);
      setTimeout(() => request.stream.destroy(), graceMs).unref();
    });
  }

  /** Gives it back; `broken`: closes it instead. */
  release(broken: boolean = false): void {
    this.#pool.released(this);
    this.client.release(broken || this.#broken);
  }
}

function isOver(error: unknown): boolean {
  return isStorageError(error) && error.applied === 'no';
}

/** The connections to the server: a pool of our own, or one that was given. */
export class PostgresPool {
  readonly namedStatements: boolean;
  /** How values are read; there from `open` on. */
  types: CustomTypesConfig | undefined;
  readonly #settings: PoolSettings;
  readonly #holder: ClientHolder<Pool>;
  readonly #out = new Set<PostgresConnection>();
  #driver: Driver | undefined;

  constructor(settings: PoolSettings) {
    const { pool } = settings;
    this.#settings = settings;
    this.namedStatements = settings.namedStatements;
    this.#holder =
      pool === undefined
        ? ownedClient(
            () => this.#make(),
            (own) => own.end(),
          )
        : injectedClient(pool);
  }

  get owned(): boolean {
    return this.#holder.owned;
  }

  /** The pool itself, for other clients over the same connections; there from `open` on. */
  get native(): Pool {
    const pool = this.#holder.peek();
    if (pool === undefined) throw new StorageError({ code: 'not_initialized', message: 'The pool is not open.' });
    return pool;
  }

  /** Loads the driver and makes the pool. No connection is made yet. */
  async open(): Promise<void> {
    const driver = await import('pg');
    this.#driver = driver;
    this.types = typesOf(driver);
    const pool = await this.#holder.get();
    // An idle connection that is lost is dropped by the pool; without a listener it would end the process.
    pool.on('error', nothing);
  }

  #make(): Pool {
    const { Pool: PoolClass } = this.#driver as Driver;
    const { connection, poolSize, connectTimeoutMs, namedStatements } = this.#settings;
    const config: PoolConfig = {
      ...connection,
      max: poolSize,
      connectionTimeoutMillis: connectTimeoutMs,
      // The pool waits for what it answers, though its types do not say so.
      ...(namedStatements && { onConnect: prepareSession as (client: ClientBase) => void }),
    };
    return new PoolClass(config);
  }

  /** A connection. Fails with `unavailable` and the like, always with `applied: 'no'`; when the call is over, with its reason. */
  async connect(call: Call = unboundedCall): Promise<PostgresConnection> {
    const driver = this.#driver;
    if (driver === undefined)
      throw new StorageError({ code: 'not_initialized', message: 'The pool is not open.', applied: 'no' });
    const pending = this.native.connect();
    let client: PoolClient;
    try {
      client = await (call === unboundedCall ? pending : raceCall(pending, call));
    } catch (error) {
      // One that comes too late goes back unused; one that fails was heard of here.
      pending.then((late) => late.release(), nothing);
      if (call !== unboundedCall && callOver(call) !== undefined) throw over(call, 'no');
      throw this.#unsent(error);
    }
    if (!heard.has(client)) {
      // What becomes of it is told by its statements; without a listener a lost connection would end the process.
      client.on('error', nothing);
      heard.add(client);
    }
    const connection = new PostgresConnection(client, this, driver);
    this.#out.add(connection);
    return connection;
  }

  #unsent(error: unknown): StorageError {
    const translate = postgresTranslator(this.#settings.where);
    const known = translate(error, { operation: 'connect', key: undefined, write: false });
    const { code, message, retryable, details } = known;
    const lost = code === 'internal' ? { code: 'unavailable' as const } : { code };
    return new StorageError({ ...lost, message, retryable, details, cause: error, applied: 'no' });
  }

  /** Runs a statement on any connection. */
  async run(statement: Statement, call: Call = unboundedCall): Promise<Answer> {
    const connection = await this.connect(call);
    try {
      return await connection.query(statement, call);
    } finally {
      connection.release();
    }
  }

  figures(): PoolFigures {
    const { totalCount, idleCount, waitingCount } = this.native;
    return { total: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /** Told by a connection that it goes back. */
  released(connection: PostgresConnection): void {
    this.#out.delete(connection);
  }

  /** Closes a pool of our own, once its connections are back or the call is over; those still out are cut off then. */
  async close(call: Call = unboundedCall): Promise<void> {
    const pool = this.#holder.peek();
    const closed = this.#holder.close();
    if (this.owned) {
      await raceCall(closed, call).catch(nothing);
      for (const { client } of this.#out) (client as unknown as { connection: Connection }).connection.stream.destroy();
    }
    await closed;
    if (!this.owned) pool?.off('error', nothing);
  }
}

/** What a connection of our own is set to. */
async function prepareSession(client: ClientBase): Promise<void> {
  try {
    // A statement that waits for a lock ends when its client is gone; else it could land behind a later one.
    await client.query(
      "SET client_connection_check_interval = '100ms'; SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on",
    );
  } catch (error) {
    // Not to be had on every system, and everything works without it; a connection that is lost says so to its first statement.
    void error;
  }
}
