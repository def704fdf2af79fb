import {
  type Call,
  type CompiledFilter,
  type InfoRow,
  type MaybePromise,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  recordId,
  SyncCoalescer,
  stepFailed,
  type TransactionStep,
  type Translate,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { isStorageError, type StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import {
  compileRecordFilter,
  countRecords,
  infoColumns,
  pageRecords,
  type RecordFilterSql,
  type RecordSelection,
  removeRecords,
  rowColumns,
  sqliteDialect,
} from '@storage/sql';
import { isBusy, isFull } from './sqlite-errors.ts';
import { listNamespaces } from './sqlite-namespaces.ts';
import { type SqliteRecordRows, toInfoRow } from './sqlite-record-rows.ts';
import { readStream, writeStream } from './sqlite-streams.ts';

/** When work on a connection runs: at once, or once it may. */
export interface SqliteSession {
  read<T>(call: Call, task: () => T): MaybePromise<T>;
  write<T>(call: Call, task: () => T): MaybePromise<T>;
}

/** A session within a transaction: everything runs at once. */
export const withinTransaction: SqliteSession = {
  read: (_call, task) => task(),
  write: (_call, task) => task(),
};

interface StoreOp {
  readonly ns: string;
  readonly row: WriteRow;
}
interface RemoveOp {
  readonly ns: string;
  readonly key: string;
  readonly report: boolean;
}
type Result = InfoRow | boolean;

export interface SqliteRecordsOptions {
  readonly translate: Translate;
  /** Whether a field has an index. */
  readonly isIndexed: (path: readonly string[]) => boolean;
  /** Whether writes of one turn of the event loop are carried out together. */
  readonly grouped: boolean;
  /** Called after writes with the time of now. */
  readonly afterWrite: (now: number) => void;
}

/** The row with bytes that nobody else can change: it may be carried out after the call has returned. */
function ownRow(row: WriteRow): WriteRow {
  return typeof row.content === 'string' ? row : { ...row, content: new Uint8Array(row.content) };
}

/** Records in SQLite. */
export class SqliteRecords implements RecordDriver<RecordFilterSql> {
  #rows!: SqliteRecordRows;
  #session!: SqliteSession;
  readonly #translate: Translate;
  readonly #isIndexed: (path: readonly string[]) => boolean;
  readonly #afterWrite: (now: number) => void;
  readonly #coalescer: SyncCoalescer<StoreOp | RemoveOp, Result> | undefined;

  constructor({ translate, isIndexed, grouped, afterWrite }: SqliteRecordsOptions) {
    this.#translate = translate;
    this.#isIndexed = isIndexed;
    this.#afterWrite = afterWrite;
    this.#coalescer = grouped ? new SyncCoalescer({ run: (batch, call) => this.#group(batch, call) }) : undefined;
  }

  /** Gives it a connection to work on: no call comes before. */
  attach(rows: SqliteRecordRows, session: SqliteSession): this {
    this.#rows = rows;
    this.#session = session;
    return this;
  }

  /** Carries out what is queued. */
  flush(): void {
    this.#coalescer?.flush();
  }

  read(ns: string, key: string, call: Call): MaybePromise<RecordRow | undefined> {
    const queue = this.#coalescer;
    if (queue === undefined || queue.idle) return this.#session.read(call, () => this.#rows.read(ns, key));
    return queue.after(recordId(ns, key), call, () => this.#session.read(call, () => this.#rows.read(ns, key)));
  }

  readMany(ns: string, keys: readonly string[], call: Call): MaybePromise<readonly (RecordRow | undefined)[]> {
    const { connection } = this.#rows;
    return this.#readBehind(call, () => connection.snapshot(() => keys.map((key) => this.#rows.read(ns, key))));
  }

  exists(ns: string, key: string, call: Call): MaybePromise<boolean> {
    return this.#behindKey(ns, key, call, () => this.#session.read(call, () => this.#rows.exists(ns, key)));
  }

  write(ns: string, row: WriteRow, call: Call): MaybePromise<InfoRow> {
    const queue = this.#coalescer;
    const own = ownRow(row);
    if (row.condition === undefined && queue !== undefined) {
      return queue.write(recordId(ns, row.key), { ns, row: own }, call) as Promise<InfoRow>;
    }
    return this.#behindKey(ns, row.key, call, () => this.#session.write(call, () => this.#rows.write(ns, own)));
  }

  remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): MaybePromise<boolean> {
    const queue = this.#coalescer;
    if (etag === undefined && queue !== undefined)
      return queue.write(recordId(ns, key), { ns, key, report }, call) as Promise<boolean>;
    return this.#behindKey(ns, key, call, () => this.#session.write(call, () => this.#rows.remove(ns, key, etag)));
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): MaybePromise<boolean> {
    return this.#behindKey(ns, key, call, () => this.#session.write(call, () => this.#rows.touch(ns, key, ttlMs)));
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<InfoRow>[]> {
    return this.#batch(
      rows.map(ownRow),
      (row) => row.key,
      atomic,
      call,
      (row) => this.#rows.write(ns, row),
    );
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<boolean>[]> {
    return this.#batch(
      keys,
      (key) => key,
      atomic,
      call,
      (key) => this.#rows.remove(ns, key, undefined),
    );
  }

  writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const write = <T>(task: () => T): MaybePromise<T> => this.#session.write(call, task);
    return writeStream(this.#rows, { ns, head, chunks, call, write }, (task) =>
      this.#behindKey(ns, head.key, call, task),
    );
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): MaybePromise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const read = <T>(task: () => T): MaybePromise<T> => this.#session.read(call, task);
    return this.#behindKey(ns, key, call, () => readStream(this.#rows, { ns, key, range, read }));
  }

  compile(filter: FilterNode): CompiledFilter<RecordFilterSql> {
    return compileRecordFilter(sqliteDialect, filter, this.#isIndexed);
  }

  page(
    ns: string,
    request: PageRequest<RecordFilterSql> & { readonly include: 'rows' },
    call: Call,
  ): MaybePromise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<RecordFilterSql> & { readonly include: 'keys' | 'info' },
    call: Call,
  ): MaybePromise<RowPage<InfoRow>>;
  page(ns: string, request: PageRequest<RecordFilterSql>, call: Call): MaybePromise<RowPage<InfoRow>> {
    const { prefix, filter, sort, after, limit, include } = request;
    const { connection, clock } = this.#rows;
    return this.#readBehind(call, () => {
      const whole = include === 'rows';
      // One row more than is shown tells whether there is a next page.
      const page = { namespace: ns, now: clock(), prefix, filter, sort, after, limit: limit + 1 };
      const text = pageRecords(sqliteDialect, whole ? rowColumns : infoColumns, page);
      const found = connection.all(text);
      const more = found.length > limit;
      if (more) found.pop();
      return { rows: found.map(whole ? (row) => this.#rows.toRecordRow(row) : toInfoRow), more };
    });
  }

  count(
    ns: string,
    prefix: string,
    filter: RecordFilterSql | undefined,
    _estimate: boolean,
    call: Call,
  ): MaybePromise<number> {
    const { connection, clock } = this.#rows;
    return this.#readBehind(call, () =>
      Number(connection.get(countRecords({ namespace: ns, now: clock(), prefix, filter }))?.[0]),
    );
  }

  removeWhere(ns: string, filter: RecordFilterSql | undefined, call: Call): MaybePromise<number> {
    return this.#removeAll({ namespace: ns, filter }, call);
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): MaybePromise<RowPage<string>> {
    return this.#readBehind(call, () => listNamespaces(this.#rows, ns, request));
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): MaybePromise<number | undefined> {
    return this.#removeAll({ namespace: ns, recursive }, call);
  }

  #removeAll(selection: Omit<RecordSelection<RecordFilterSql>, 'now'>, call: Call): MaybePromise<number> {
    const { connection, clock } = this.#rows;
    return this.#writeBehind(call, () =>
      connection.transaction(() =>
        removeRecords({ ...selection, now: clock() }).reduce(
          (count, statement) => count + connection.run(statement),
          0,
        ),
      ),
    );
  }

  /** Runs behind the writes that are queued for a key. */
  #behindKey<T>(ns: string, key: string, call: Call, task: () => MaybePromise<T>): MaybePromise<T> {
    const queue = this.#coalescer;
    return queue === undefined || queue.idle ? task() : queue.after(recordId(ns, key), call, task);
  }

  /** Runs behind every write that is queued. */
  behindAll<T>(call: Call, task: () => MaybePromise<T>): MaybePromise<T> {
    return this.#coalescer === undefined ? task() : this.#coalescer.after(undefined, call, task);
  }

  #readBehind<T>(call: Call, task: () => T): MaybePromise<T> {
    return this.behindAll(call, () => this.#session.read(call, task));
  }

  #writeBehind<T>(call: Call, task: () => T): MaybePromise<T> {
    return this.behindAll(call, () => this.#session.write(call, task));
  }

  /** Steps in one transaction: all or none. */
  runSteps(steps: readonly TransactionStep[], call: Call): MaybePromise<readonly Result[]> {
    const { connection } = this.#rows;
    const owned = steps.map((step) => (step.type === 'write' ? { ...step, row: ownRow(step.row) } : step));
    return this.#writeBehind(call, () =>
      connection.transaction(() => owned.map((step, index) => this.#step(step, index))),
    );
  }

  #step(step: TransactionStep, index: number): Result {
    if (step.type === 'write')
      return this.#atIndex(
        step.row,
        (row) => row.key,
        index,
        (row) => this.#rows.write(step.ns, row),
      );
    return this.#atIndex(
      step.key,
      (key) => key,
      index,
      (key) => this.#rows.remove(step.ns, key, step.etag) || !step.report,
    );
  }

  #apply(op: StoreOp | RemoveOp): Result {
    return 'row' in op ? this.#rows.write(op.ns, op.row) : this.#rows.remove(op.ns, op.key, undefined) || !op.report;
  }

  #failure(error: unknown, key: string): { readonly ok: false; readonly error: StorageError } {
    return { ok: false, error: this.#translate(error, { operation: 'records.write', key, write: true }) };
  }

  /** What one poll of the event loop brought, as one transaction. */
  #group(batch: readonly (StoreOp | RemoveOp)[], call: Call): MaybePromise<readonly RowOutcome<Result>[]> {
    const [first] = batch;
    const outcomes =
      first !== undefined && batch.length === 1
        ? this.#session.write(call, (): readonly RowOutcome<Result>[] => [{ ok: true, value: this.#apply(first) }])
        : this.#session.write(call, () =>
            this.#together(
              batch,
              (op) => ('row' in op ? op.row.key : op.key),
              (op) => this.#apply(op),
            ),
          );
    this.#afterWrite(this.#rows.clock());
    return outcomes;
  }

  #batch<Item, T>(
    items: readonly Item[],
    keyOf: (item: Item) => string,
    atomic: boolean,
    call: Call,
    apply: (item: Item) => T,
  ): MaybePromise<readonly RowOutcome<T>[]> {
    const { connection } = this.#rows;
    const outcomes = this.#writeBehind(call, () => {
      if (!atomic) return this.#together(items, keyOf, apply);
      return connection.transaction(() =>
        items.map((item, index) => ({ ok: true as const, value: this.#atIndex(item, keyOf, index, apply) })),
      );
    });
    this.#afterWrite(this.#rows.clock());
    return outcomes;
  }

  #atIndex<Item, T>(item: Item, keyOf: (item: Item) => string, index: number, apply: (item: Item) => T): T {
    try {
      return apply(item);
    } catch (thrown) {
      if (isBusy(thrown)) throw thrown;
      throw stepFailed(this.#failure(thrown, keyOf(item)).error, index);
    }
  }

  /**
   * Many writes in one transaction, each with its own outcome. A statement that fails has undone itself and nothing else, so
   * no savepoint stands around each. Where the engine gave the whole transaction up for want of room, they are repeated alone.
   */
  #together<Item, T>(
    items: readonly Item[],
    keyOf: (item: Item) => string,
    apply: (item: Item) => T,
  ): readonly RowOutcome<T>[] {
    const { connection } = this.#rows;
    const outcome = (item: Item): RowOutcome<T> => {
      try {
        return { ok: true, value: apply(item) };
      } catch (error) {
        if (!isStorageError(error) && !connection.database.inTransaction) throw error;
        return this.#failure(error, keyOf(item));
      }
    };
    try {
      return connection.transaction(() => items.map(outcome));
    } catch (error) {
      if (!isFull(error) || connection.database.inTransaction) throw error;
      return items.map((item) => {
        try {
          return { ok: true, value: apply(item) };
        } catch (own) {
          return this.#failure(own, keyOf(item));
        }
      });
    }
  }
}
