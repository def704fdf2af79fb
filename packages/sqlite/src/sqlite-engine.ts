import type { Call, MaybePromise } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { SqliteConnection } from './sqlite-connection.ts';
import { givenUp, isBusy } from './sqlite-errors.ts';

const firstPauseMs = 1;
const longestPauseMs = 25;

/** Decides when work on the connections may run. All work is synchronous; what has to wait, waits by promise. */
export class SqliteEngine {
  readonly connection: SqliteConnection;
  readonly #openSecond: (() => SqliteConnection) | undefined;
  readonly #busyTimeoutMs: number;
  #second: SqliteConnection | undefined;
  /** An interactive transaction goes on: others don't write, and over one connection don't read. */
  #held: Promise<void> | undefined;

  /** Settles when no write waits any more. Missing: none does. */
  #line: Promise<void> | undefined;

  /** `openSecond` missing: there can be one connection only. */
  constructor(connection: SqliteConnection, openSecond: (() => SqliteConnection) | undefined, busyTimeoutMs: number) {
    this.connection = connection;
    this.#openSecond = openSecond;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Whether somebody's transaction lasts. */
  get occupied(): boolean {
    return this.#held !== undefined || this.connection.database.inTransaction;
  }

  read<T>(call: Call, task: () => T): MaybePromise<T> {
    if (this.#held === undefined || this.#openSecond !== undefined) {
      try {
        return task();
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    return this.#wait(call, task, this.#openSecond === undefined);
  }

  write<T>(call: Call, task: () => T): MaybePromise<T> {
    if (!this.occupied && this.#line === undefined) {
      try {
        return task();
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    const ahead = this.#line;
    const work = this.#wait(call, task, true, ahead);
    // Whoever comes next also waits for those ahead, should this one give up before them.
    const line = Promise.allSettled([ahead, work]).then(() => {
      if (this.#line === line) this.#line = undefined;
    });
    this.#line = line;
    return work;
  }

  /** As `write`, in one transaction. */
  transaction<T>(call: Call, task: () => T): MaybePromise<T> {
    return this.write(call, () => this.connection.transaction(task));
  }

  /** Runs `body` in a transaction that may last; commits when it resolves, else rolls back. */
  async interactive<T>(call: Call, body: (connection: SqliteConnection) => Promise<T>): Promise<T> {
    let release = (): void => undefined;
    const connection = await this.#wait(
      call,
      () => {
        const own = this.#connectionForInteractive();
        own.begin();
        this.#held = new Promise<void>((resolve) => {
          release = resolve;
        });
        return own;
      },
      true,
    );
    try {
      const result = await body(connection);
      call.check();
      if (!connection.database.inTransaction) throw givenUp();
      connection.commit();
      return result;
    } catch (error) {
      connection.rollback();
      throw error;
    } finally {
      this.#held = undefined;
      release();
    }
  }

  #connectionForInteractive(): SqliteConnection {
    if (this.#openSecond === undefined) return this.connection;
    this.#second ??= this.#openSecond();
    return this.#second;
  }

  close(): void {
    this.#second?.close();
  }

  /** Tries until it works, the call is over or the patience with other writers is at an end; not before `ahead` has settled. */
  async #wait<T>(call: Call, task: () => T, exclusive: boolean, ahead?: Promise<void>): Promise<T> {
    const patience = performance.now() + this.#busyTimeoutMs;
    const until = Math.min(patience, call.deadline ?? Number.POSITIVE_INFINITY);
    let pause = firstPauseMs;
    let inLine = ahead !== undefined;
    void ahead?.then(() => {
      inLine = false;
    });
    for (;;) {
      call.check();
      let reason: unknown;
      if (inLine) await pausedBy(ahead, until - performance.now(), call);
      // Somebody else's transaction on a connection that was handed to us is as good as a lock.
      else if (exclusive && this.#held !== undefined) await pausedBy(this.#held, until - performance.now(), call);
      else if (exclusive && this.connection.database.inTransaction) await sleep(pause, call);
      else {
        try {
          return task();
        } catch (error) {
          if (!isBusy(error)) throw error;
          reason = error;
        }
        // Jitter keeps processes that wait for one another out of step.
        await sleep(Math.min(pause * (0.5 + Math.random()), Math.max(0, until - performance.now())), call);
        pause = Math.min(longestPauseMs, pause * 2);
      }
      call.check();
      if (performance.now() >= patience) {
        throw new StorageError({
          code: 'unavailable',
          message: `Another writer held the database for longer than ${this.#busyTimeoutMs} ms; try again, or raise busyTimeoutMs.`,
          applied: 'no',
          details: { busyTimeoutMs: this.#busyTimeoutMs },
          cause: reason,
        });
      }
    }
  }
}

/** Ends after the pause, or as soon as the call is over. */
async function sleep(ms: number, call: Call): Promise<void> {
  await pausedBy(undefined, ms, call);
}

function pausedBy(event: Promise<void> | undefined, ms: number, call: Call): Promise<void> {
  return new Promise<void>((resolve) => {
    const { signal } = call;
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal?.addEventListener('abort', end, { once: true });
    void event?.then(end);
  });
}
