import { setTimeout as delay } from 'node:timers/promises';
import { type Call, makeCall, raceCall, type Translate } from '@storage/backend-kit';
import { type Applied, isStorageError, StorageError } from '@storage/core';
import { isContended } from './errors.ts';
import type { Answer, PostgresConnection, PostgresPool, Statement } from './pool.ts';

/** Where statements run: on any connection, or within a transaction. What is thrown is a `StorageError`. */
export interface PostgresSession {
  /** Whether what is written can still be undone. */
  readonly inTransaction: boolean;
  run(statement: Statement, call: Call, write: boolean): Promise<Answer>;
  /** Runs `body` in one transaction, or as a part of this one that is undone alone. It may be run again when writers met. */
  transaction<T>(call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T>;
}

/** How often work is tried again that met other writers; each time the server has undone it. */
const mostAttempts = 12;
/** How long a body may leave its transaction idle, which keeps its rows locked. */
const idleTransactionMs = 60_000;
const rollbackMs = 1000;

/** The error as its caller gets it: the facade fills in what is left out here. */
function known(translate: Translate, error: unknown, write: boolean, applied?: Applied): StorageError {
  if (isStorageError(error) && applied === undefined) return error;
  const translated = translate(error, { operation: '', key: undefined, write });
  return new StorageError({
    ...translated,
    message: translated.message,
    operation: isStorageError(error) ? error.operation : undefined,
    applied: applied ?? translated.applied,
    cause: translated.cause,
  });
}

/** Runs work again that the server has undone because writers met. */
async function persist<T>(call: Call, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === mostAttempts || !isContended(error)) throw error;
      // Out of step with whom it met.
      await delay(Math.random() * 2 ** Math.min(attempt, 6));
      call.check();
    }
  }
}

/** Each statement for itself, on any connection. */
export class PostgresPoolSession implements PostgresSession {
  readonly inTransaction = false;
  readonly #pool: PostgresPool;
  readonly #translate: Translate;

  constructor(pool: PostgresPool, translate: Translate) {
    this.#pool = pool;
    this.#translate = translate;
  }

  async run(statement: Statement, call: Call, write: boolean): Promise<Answer> {
    try {
      return await this.#pool.run(statement, call);
    } catch (error) {
      if (!isContended(error)) throw known(this.#translate, error, write);
    }
    try {
      return await persist(call, () => this.#pool.run(statement, call));
    } catch (error) {
      throw known(this.#translate, error, write);
    }
  }

  async transaction<T>(call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T> {
    return persist(call, () => this.#bracket('BEGIN ISOLATION LEVEL READ COMMITTED', call, body)).catch((error) => {
      throw known(this.#translate, error, true);
    });
  }

  /** Runs a body that may last. It is run once, and as if no other transaction ran beside it; where that fails, the error is retryable. */
  async interactive<T>(call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T> {
    const begin = `BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL idle_in_transaction_session_timeout = ${idleTransactionMs}`;
    try {
      return await this.#bracket(begin, call, body);
    } catch (error) {
      throw isContended(error) ? known(this.#translate, error, true) : error;
    }
  }

  async #bracket<T>(begin: string, call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T> {
    const connection = await this.#pool.connect(call);
    let result: T;
    try {
      await connection.query({ text: begin }, call);
      const session = new PostgresTransactionSession(connection, this.#translate);
      result = await raceCall(body(session), call);
      call.check();
    } catch (error) {
      await this.#undo(connection);
      if (isContended(error)) throw error;
      // What the body threw by itself is the caller's; whatever it was, nothing was applied.
      throw isStorageError(error) ? asUnapplied(error) : this.#bodyError(error);
    }
    try {
      const { command } = await connection.query({ text: 'COMMIT' }, call);
      if (command !== 'COMMIT') throw givenUp();
      return result;
    } finally {
      connection.release();
    }
  }

  #bodyError(error: unknown): unknown {
    const translated = this.#translate(error, { operation: '', key: undefined, write: true });
    return translated.code === 'internal' ? error : known(this.#translate, error, true, 'no');
  }

  async #undo(connection: PostgresConnection): Promise<void> {
    if (connection.busy) {
      // The body has left a statement behind that nobody waits for.
      await connection.abandon();
      return;
    }
    const limit = makeCall({ timeoutMs: rollbackMs });
    try {
      await connection.query({ text: 'ROLLBACK' }, limit);
      connection.release();
    } catch (error) {
      // The server rolls back what loses its connection.
      connection.release(error !== undefined);
    } finally {
      limit.end();
    }
  }
}

function asUnapplied(error: StorageError): StorageError {
  if (error.applied === 'no') return error;
  return new StorageError({ ...error, message: error.message, applied: 'no', cause: error.cause });
}

/** The server undoes a transaction in which a statement failed, whatever its body made of that. */
function givenUp(): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message:
      'PostgreSQL gave the transaction up after an error inside it; nothing of it was applied. Let such errors end the body.',
    applied: 'no',
  });
}

/** Statements of one transaction, one after the other, in the order of the calls. */
class PostgresTransactionSession implements PostgresSession {
  readonly inTransaction = true;
  readonly #connection: PostgresConnection;
  readonly #translate: Translate;
  #line: Promise<unknown> = Promise.resolve();

  constructor(connection: PostgresConnection, translate: Translate) {
    this.#connection = connection;
    this.#translate = translate;
  }

  run(statement: Statement, call: Call, write: boolean): Promise<Answer> {
    return this.#inLine(() => this.#query(statement, call, write));
  }

  transaction<T>(call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.#inLine(() => this.#part(call, body));
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#line.then(work, work);
    this.#line = next.catch(() => undefined);
    return next;
  }

  async #query(statement: Statement, call: Call, write: boolean): Promise<Answer> {
    try {
      return await this.#connection.query(statement, call);
    } catch (error) {
      if (isContended(error)) throw error;
      throw known(this.#translate, error, write, write ? 'no' : undefined);
    }
  }

  async #part<T>(call: Call, body: (session: PostgresSession) => Promise<T>): Promise<T> {
    await this.#query({ text: 'SAVEPOINT storage_part' }, call, true);
    try {
      const result = await body({
        inTransaction: true,
        run: (statement, own, write) => this.#query(statement, own, write),
        transaction: (own, inner) => this.#part(own, inner),
      });
      await this.#query({ text: 'RELEASE SAVEPOINT storage_part' }, call, true);
      return result;
    } catch (error) {
      await this.#query({ text: 'ROLLBACK TO SAVEPOINT storage_part; RELEASE SAVEPOINT storage_part' }, call, true);
      throw error;
    }
  }
}
