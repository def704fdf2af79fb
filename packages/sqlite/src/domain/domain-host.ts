import { type Call, type CallGuard, type MaybePromise, type RowOutcome, SyncCoalescer } from '@storage/backend-kit';
import { isStorageError } from '@storage/core';
import type { DomainContext } from '@storage/domain';
import type { SqlValue } from '@storage/sql';
import { DomainReads, type ReadTogether } from './domain-reads.ts';

/** A prepared statement, as the stores use it. */
export interface DomainStatement {
  get(...params: readonly SqlValue[]): unknown;
  all(...params: readonly SqlValue[]): readonly unknown[];
  run(...params: readonly SqlValue[]): { readonly changes: number };
}

/** What the domain stores ask of the connection. */
export interface DomainConnection {
  /** The statement of a text: prepared once, kept for those that ask again. */
  prepare(text: string): DomainStatement;
  /** Runs `work` in one transaction and commits. Whatever `work` throws rolls it back. May answer by promise, when the file is locked by another process. */
  transaction<T>(work: () => T, call: Call): MaybePromise<T>;
  readonly read: ReadTogether;
}

/**
 * One write. What it throws as a `StorageError` is its own outcome, and it has changed nothing by then; any other error rolls the
 * whole group back.
 */
type Write = () => unknown;

/** Gathers the writes of one poll of the event loop into one transaction; each caller is answered after its commit. */
export class DomainWrites {
  readonly #connection: DomainConnection;
  readonly #coalescer: SyncCoalescer<Write, unknown>;
  readonly #reads: DomainReads;

  constructor(connection: DomainConnection) {
    this.#connection = connection;
    this.#reads = new DomainReads(connection.read);
    this.#coalescer = new SyncCoalescer<Write, unknown>({ run: (batch, call) => this.#run(batch, call) });
  }

  /** Queues a write. `id` says what it touches: reads of the same id wait for it. */
  write<T>(id: string, work: () => T, call: Call): Promise<T> {
    return this.#coalescer.write(id, work, call) as Promise<T>;
  }

  /** Reads, behind the writes of `id` that were called before; `undefined`: behind all of them. */
  read<T>(id: string | undefined, work: () => T, call: Call): MaybePromise<T> {
    const quiet = id === undefined ? this.#coalescer.idle : !this.#coalescer.pending(id);
    if (quiet) return this.#reads.read(work, call);
    return this.#coalescer.after(id, call, () => this.#connection.read(work, call));
  }

  #run(batch: readonly Write[], call: Call): MaybePromise<readonly RowOutcome<unknown>[]> {
    try {
      const outcomes = this.#group(batch, call);
      return 'then' in outcomes ? this.#settle(outcomes, batch, call) : outcomes;
    } catch (error) {
      return this.#alone(error, batch, call);
    }
  }

  #group(batch: readonly Write[], call: Call): MaybePromise<readonly RowOutcome<unknown>[]> {
    return this.#connection.transaction(() => batch.map(attempt), call);
  }

  async #settle(
    outcomes: Promise<readonly RowOutcome<unknown>[]>,
    batch: readonly Write[],
    call: Call,
  ): Promise<readonly RowOutcome<unknown>[]> {
    try {
      return await outcomes;
    } catch (error) {
      return this.#alone(error, batch, call);
    }
  }

  /** A group that was rolled back is repeated one by one, so that each caller gets an outcome of its own. */
  async #alone(error: unknown, batch: readonly Write[], call: Call): Promise<readonly RowOutcome<unknown>[]> {
    if (batch.length === 1) throw error;
    const outcomes: RowOutcome<unknown>[] = [];
    for (const work of batch) {
      try {
        outcomes.push(...(await this.#group([work], call)));
      } catch (own) {
        outcomes.push({ ok: false, error: own as never });
      }
    }
    return outcomes;
  }
}

function attempt(work: Write): RowOutcome<unknown> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (!isStorageError(error)) throw error;
    return { ok: false, error };
  }
}

/** What every domain store is made of. */
export interface DomainHost {
  readonly guard: CallGuard;
  readonly connection: DomainConnection;
  readonly writes: DomainWrites;
  readonly context: DomainContext;
  /** Whose rows these are. */
  readonly tenantId: string;
}
