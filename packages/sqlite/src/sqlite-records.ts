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
  type TransactionStep,
  type Translate,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';
import {
  compileRecordFilter,
  countRecords,
  infoColumns,
  ownRow,
  ownStep,
  pageRecords,
  type RecordFilterSql,
  type RecordSelection,
  removeRecords,
  rowColumns,
  sqliteDialect,
  toInfoRow,
  type WriteOp,
  type WriteResult,
} from '@storage/sql';
import type { SqliteConnection } from './sqlite-connection.ts';
import { givenUp } from './sqlite-errors.ts';
import { listNamespaces } from './sqlite-namespaces.ts';
import type { SqliteRecordRows } from './sqlite-record-rows.ts';
import { readStream, writeStream } from './sqlite-streams.ts';
import { SqliteWrites } from './sqlite-writes.ts';

const wholeColumns = rowColumns(sqliteDialect);

/** When work on a connection runs: at once, or once it may. */
export interface SqliteSession {
  read<T>(call: Call, task: () => T): MaybePromise<T>;
  write<T>(call: Call, task: () => T): MaybePromise<T>;
}

/** A session within a transaction: everything runs at once, while there is the transaction. */
export function withinTransaction({ database }: SqliteConnection): SqliteSession {
  const run = <T>(_call: Call, task: () => T): T => {
    if (!database.inTransaction) throw givenUp();
    return task();
  };
  return { read: run, write: run };
}

export interface SqliteRecordsOptions {
  readonly translate: Translate;
  /** Whether a field has an index. */
  readonly isIndexed: (path: readonly string[]) => boolean;
  /** Whether writes of one turn of the event loop are carried out together. */
  readonly grouped: boolean;
  /** Called after writes with the time of now. */
  readonly afterWrite: (now: number) => void;
}

/** Records in SQLite. */
export class SqliteRecords implements RecordDriver<RecordFilterSql> {
  #rows!: SqliteRecordRows;
  #session!: SqliteSession;
  #writes!: SqliteWrites;
  readonly #translate: Translate;
  readonly #isIndexed: (path: readonly string[]) => boolean;
  readonly #afterWrite: (now: number) => void;
  readonly #coalescer: SyncCoalescer<WriteOp, WriteResult> | undefined;

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
    this.#writes = new SqliteWrites(rows, this.#translate);
    return this;
  }

  /** Carries out what is queued. */
  flush(): void {
    this.#coalescer?.flush();
  }

  read(ns: string, key: string, call: Call): MaybePromise<RecordRow | undefined> {
    return this.#readBehindKey(ns, key, call, () => this.#rows.read(ns, key));
  }

  readMany(ns: string, keys: readonly string[], call: Call): MaybePromise<readonly (RecordRow | undefined)[]> {
    const { connection } = this.#rows;
    return this.#readBehind(call, () => connection.snapshot(() => this.#rows.readMany(ns, keys)));
  }

  exists(ns: string, key: string, call: Call): MaybePromise<boolean> {
    return this.#readBehindKey(ns, key, call, () => this.#rows.exists(ns, key));
  }

  write(ns: string, row: WriteRow, call: Call): MaybePromise<InfoRow> {
    const queue = this.#coalescer;
    const own = ownRow(row);
    if (row.condition === undefined && queue !== undefined) {
      return queue.write(recordId(ns, row.key), { type: 'write', ns, row: own }, call) as Promise<InfoRow>;
    }
    return this.#behindKey(ns, row.key, call, () => this.#session.write(call, () => this.#rows.write(ns, own)));
  }

  remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): MaybePromise<boolean> {
    const queue = this.#coalescer;
    if (etag === undefined && queue !== undefined)
      return queue.write(recordId(ns, key), { type: 'remove', ns, key, etag, report }, call) as Promise<boolean>;
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
    const ops = rows.map((row): WriteOp => ({ type: 'write', ns, row: ownRow(row) }));
    return this.#batch(ops, atomic, call) as MaybePromise<readonly RowOutcome<InfoRow>[]>;
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<boolean>[]> {
    const ops = keys.map((key): WriteOp => ({ type: 'remove', ns, key, etag: undefined, report: true }));
    return this.#batch(ops, atomic, call) as MaybePromise<readonly RowOutcome<boolean>[]>;
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
      const text = pageRecords(sqliteDialect, whole ? wholeColumns : infoColumns, page);
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

  /** Runs behind the writes that are queued for a key. Later ones wait for it, should the engine be busy. */
  #behindKey<T>(ns: string, key: string, call: Call, task: () => MaybePromise<T>): MaybePromise<T> {
    return this.#coalescer === undefined ? task() : this.#coalescer.after(recordId(ns, key), call, task);
  }

  /** A read behind the writes that are queued for a key. Nothing waits for it, so where nothing is queued it just runs. */
  #readBehindKey<T>(ns: string, key: string, call: Call, task: () => T): MaybePromise<T> {
    const queue = this.#coalescer;
    if (queue === undefined || queue.idle) return this.#session.read(call, task);
    return queue.after(recordId(ns, key), call, () => this.#session.read(call, task));
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
  runSteps(steps: readonly TransactionStep[], call: Call): MaybePromise<readonly WriteResult[]> {
    const owned = steps.map(ownStep);
    return this.#writeBehind(call, () => this.#writes.allOrNone(owned));
  }

  /** What one poll of the event loop brought. */
  #group(ops: readonly WriteOp[], call: Call): MaybePromise<readonly RowOutcome<WriteResult>[]> {
    const outcomes = this.#session.write(call, () => this.#writes.eachForItself(ops));
    this.#afterWrite(this.#rows.clock());
    return outcomes;
  }

  #batch(ops: readonly WriteOp[], atomic: boolean, call: Call): MaybePromise<readonly RowOutcome<WriteResult>[]> {
    const outcomes = this.#writeBehind(call, () => {
      if (!atomic) return this.#writes.eachForItself(ops);
      return this.#writes.allOrNone(ops).map((value) => ({ ok: true as const, value }));
    });
    this.#afterWrite(this.#rows.clock());
    return outcomes;
  }
}
