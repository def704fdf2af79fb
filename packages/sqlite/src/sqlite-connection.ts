import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SqlFragment, SqlValue } from '@storage/sql';
import type BetterSqlite3 from 'better-sqlite3';
import type { SqliteSettings } from './sqlite-options.ts';
import { storageScore } from './sqlite-vector-scores.ts';

/** A prepared statement that answers rows as arrays, in the order of its columns. */
export type Statement = BetterSqlite3.Statement<SqlValue[], SqlValue[]>;
type Drivers = {
  readonly Database: typeof BetterSqlite3;
  readonly loadVectors: (database: BetterSqlite3.Database) => void;
};

/** The statements of a set of texts, under their names. */
export type Prepared<Texts> = { readonly [Name in keyof Texts]: Statement };

export function prepareAll<Texts extends object>(connection: SqliteConnection, texts: Texts): Prepared<Texts> {
  const entries = Object.entries(texts).map(([name, text]) => [name, connection.prepare(String(text))]);
  return Object.fromEntries(entries) as Prepared<Texts>;
}

/** Statements of a shape that varies are kept while they are used: so many of them. */
const keptStatements = 256;

/** One connection with its statements. */
export class SqliteConnection {
  readonly database: BetterSqlite3.Database;
  /** What `storage_kept` saw last: the created_at that an upsert keeps. */
  kept = 0;
  readonly #statements = new Map<string, Statement>();
  readonly #begin: BetterSqlite3.Statement;
  readonly #beginRead: BetterSqlite3.Statement;
  readonly #commit: BetterSqlite3.Statement;
  readonly #rollback: BetterSqlite3.Statement;

  constructor(database: BetterSqlite3.Database) {
    this.database = database;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#beginRead = database.prepare('BEGIN');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    database.function('storage_kept', (created: number) => {
      this.kept = created;
      return created;
    });
    database.function('storage_score', { deterministic: true }, storageScore);
  }

  /** A statement that its owner keeps. */
  prepare(text: string): Statement {
    const statement = this.database.prepare<SqlValue[], SqlValue[]>(text);
    return statement.reader ? statement.raw() : statement;
  }

  /** A statement of a shape that may come again; the least recently used ones are let go. */
  statement(text: string): Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.prepare(text);
      if (this.#statements.size >= keptStatements) {
        const [oldest] = this.#statements.keys();
        if (oldest !== undefined) this.#statements.delete(oldest);
      }
    } else this.#statements.delete(text);
    this.#statements.set(text, statement);
    return statement;
  }

  all({ text, params }: SqlFragment): SqlValue[][] {
    return this.statement(text).all(...params);
  }

  get({ text, params }: SqlFragment): SqlValue[] | undefined {
    return this.statement(text).get(...params);
  }

  /** How many rows changed. */
  run({ text, params }: SqlFragment): number {
    return this.statement(text).run(...params).changes;
  }

  /** Runs `work` as one transaction; within one, as a part of it that is undone alone. */
  transaction<T>(work: () => T): T {
    return this.database.inTransaction ? this.#nested(work) : this.#bracket(this.#begin, work);
  }

  /** Runs reads that see one state, and pay once for looking at it. */
  snapshot<T>(work: () => T): T {
    return this.database.inTransaction ? work() : this.#bracket(this.#beginRead, work);
  }

  #bracket<T>(begin: BetterSqlite3.Statement, work: () => T): T {
    begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // SQLite ends the transaction by itself after some errors.
      if (this.database.inTransaction) this.#rollback.run();
      throw error;
    }
  }

  #nested<T>(work: () => T): T {
    this.database.exec('SAVEPOINT storage_part');
    try {
      const result = work();
      this.database.exec('RELEASE storage_part');
      return result;
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('ROLLBACK TO storage_part; RELEASE storage_part');
      throw error;
    }
  }

  /** Starts a transaction that lasts over turns of the event loop. */
  begin(): void {
    this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  rollback(): void {
    if (this.database.inTransaction) this.#rollback.run();
  }

  close(): void {
    this.database.close();
  }
}

/** The drivers, loaded when the first store is opened rather than when this package is imported. */
export async function loadDrivers(): Promise<Drivers> {
  const [{ default: Database }, vectors] = await Promise.all([import('better-sqlite3'), import('sqlite-vec')]);
  return { Database, loadVectors: (database) => vectors.load(database) };
}

/** Makes the folder that a file is to be in. */
export function makeFolder({ path, memory, database, readOnly }: SqliteSettings): void {
  if (!memory && !readOnly && database === undefined) mkdirSync(dirname(path), { recursive: true });
}

/** Opens a connection to the file. It never waits for a lock: the driver's wait would stop the whole process. */
export function openDatabase({ Database }: Drivers, { path, readOnly }: SqliteSettings): BetterSqlite3.Database {
  return new Database(path, { timeout: 0, readonly: readOnly, fileMustExist: readOnly });
}

/** What every connection of ours is set to. WAL is the file's: it stays. */
export function configure(database: BetterSqlite3.Database, settings: SqliteSettings): void {
  if (!settings.readOnly && !settings.memory) database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${settings.synchronous}`);
  database.pragma('temp_store = memory');
}
