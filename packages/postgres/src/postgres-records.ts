import {
  AsyncCoalescer,
  type Call,
  type CompiledFilter,
  type Gathered,
  type InfoRow,
  type PageRequest,
  prefixEnd,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  recordId,
  stepFailed,
  type TransactionStep,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { isStorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import {
  compileRecordFilter,
  countRecords,
  type Dialect,
  infoColumns,
  ownRow,
  ownStep,
  pageRecords,
  postgresNow,
  type RecordFilterSql,
  removeSelection,
  rowColumns,
  type SqlFragment,
  toInfoRow,
  type WriteOp,
  type WriteResult,
} from '@storage/sql';
import type { StatementNames } from '@storage/sql/pg';
import { assertReadable } from './postgres-numbers.ts';
import type { PostgresRecordRows } from './postgres-record-rows.ts';
import { readStream, writeStream } from './postgres-streams.ts';
import { PostgresWrites } from './postgres-writes.ts';

export interface PostgresRecordsOptions {
  /** Of the schema that the tables are in. */
  readonly dialect: Dialect;
  readonly names: StatementNames;
  /** Whether a field has an index. */
  readonly isIndexed: (path: readonly string[]) => boolean;
  /** Called after writes. */
  readonly afterWrite: () => void;
}

/** What a gathered call is about. */
interface Place {
  readonly ns: string;
  readonly key: string;
}

/** How many batches of a kind are under way at once. */
const batchesAtOnce = 2;

/** Records in PostgreSQL. */
export class PostgresRecords implements RecordDriver<RecordFilterSql> {
  readonly #rows: PostgresRecordRows;
  readonly #writes: PostgresWrites;
  readonly #options: PostgresRecordsOptions;
  /** Missing within a transaction, whose one connection keeps the order. */
  readonly #coalescer: AsyncCoalescer | undefined;
  readonly #read: Gathered<Place, RecordRow | undefined>;
  readonly #exists: Gathered<Place, boolean>;
  readonly #write: Gathered<WriteOp, WriteResult>;
  /** Rows that one of several askers has been given. */
  readonly #handedOut = new WeakSet<RecordRow>();

  constructor(rows: PostgresRecordRows, options: PostgresRecordsOptions) {
    this.#rows = rows;
    this.#options = options;
    this.#writes = new PostgresWrites(rows);
    const coalescer = new AsyncCoalescer();
    this.#coalescer = rows.session.inTransaction ? undefined : coalescer;
    const maxInFlight = batchesAtOnce;
    this.#read = coalescer.lane({ write: false, maxInFlight, run: (batch, call) => this.#readBatch(batch, call) });
    this.#exists = coalescer.lane({ write: false, maxInFlight, run: (batch, call) => this.#existsBatch(batch, call) });
    this.#write = coalescer.lane({
      write: true,
      maxInFlight,
      run: (batch, call) => this.#writes.gathered(batch, call),
    });
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    if (this.#coalescer === undefined) return this.#rows.read(ns, key, call);
    const row = await this.#read(recordId(ns, key), { ns, key }, call);
    if (row === undefined || typeof row.content === 'string') return row;
    if (this.#handedOut.has(row)) return { ...row, content: row.content.slice() };
    this.#handedOut.add(row);
    return row;
  }

  async #readBatch(batch: readonly Place[], call: Call): Promise<readonly RowOutcome<RecordRow | undefined>[]> {
    const [first] = batch;
    if (first !== undefined && batch.length === 1)
      return [{ ok: true, value: await this.#rows.read(first.ns, first.key, call) }];
    const found = await byNamespace(batch, (ns, keys) => this.#rows.readMany(ns, keys, call));
    return batch.map(({ ns, key }) => ({ ok: true, value: found.get(ns)?.get(key) }));
  }

  async readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    const found = await this.#behindAll(call, () => this.#rows.readMany(ns, [...new Set(keys)], call));
    const given = new Set<string>();
    return keys.map((key) => {
      const row = found.get(key);
      // Whoever asks twice for the same bytes gets two copies.
      if (row === undefined || typeof row.content === 'string' || !given.has(key)) {
        given.add(key);
        return row;
      }
      return { ...row, content: row.content.slice() };
    });
  }

  async exists(ns: string, key: string, call: Call): Promise<boolean> {
    if (this.#coalescer === undefined) return (await this.#rows.etags(ns, [key], call)).has(key);
    return this.#exists(recordId(ns, key), { ns, key }, call);
  }

  async #existsBatch(batch: readonly Place[], call: Call): Promise<readonly RowOutcome<boolean>[]> {
    const found = await byNamespace(batch, (ns, keys) => this.#rows.etags(ns, keys, call));
    return batch.map(({ ns, key }) => ({ ok: true, value: found.get(ns)?.has(key) === true }));
  }

  async write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    assertReadable(row);
    const own = ownRow(row);
    const { key, condition } = row;
    const gathered = this.#coalescer !== undefined && condition === undefined;
    const info = gathered
      ? ((await this.#write(recordId(ns, key), { type: 'write', ns, row: own }, call)) as InfoRow)
      : await this.#behindKey(ns, key, call, () => this.#rows.write(ns, own, call));
    this.#options.afterWrite();
    return info;
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    if (this.#coalescer !== undefined && etag === undefined)
      return (await this.#write(recordId(ns, key), { type: 'remove', ns, key, etag, report }, call)) as boolean;
    const removed = await this.#behindKey(ns, key, call, () => this.#rows.remove(ns, key, etag, call));
    return removed || !report;
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    return this.#behindKey(ns, key, call, () => this.#rows.touch(ns, key, ttlMs, call));
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    const ops = rows.map((row): WriteOp => ({ type: 'write', ns, row: ownRow(row) }));
    return this.#batch(ops, atomic, call) as Promise<readonly RowOutcome<InfoRow>[]>;
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    const ops = keys.map((key): WriteOp => ({ type: 'remove', ns, key, etag: undefined, report: true }));
    return this.#batch(ops, atomic, call) as Promise<readonly RowOutcome<boolean>[]>;
  }

  async #batch(ops: readonly WriteOp[], atomic: boolean, call: Call): Promise<readonly RowOutcome<WriteResult>[]> {
    checkSteps(ops);
    const outcomes = await this.#behindAll(call, async () => {
      if (!atomic) return this.#writes.eachForItself(ops, call);
      return (await this.#writes.allOrNone(ops, call)).map((value) => ({ ok: true as const, value }));
    });
    this.#options.afterWrite();
    return outcomes;
  }

  /** Steps in one transaction: all or none. */
  async runSteps(steps: readonly TransactionStep[], call: Call): Promise<readonly WriteResult[]> {
    checkSteps(steps);
    const owned = steps.map(ownStep);
    const results = await this.#behindAll(call, () => this.#writes.allOrNone(owned, call));
    this.#options.afterWrite();
    return results;
  }

  writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    return writeStream(this.#rows, { ns, head, chunks, call }, (task) => this.#behindKey(ns, head.key, call, task));
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    return this.#behindKey(ns, key, call, () => readStream(this.#rows, { ns, key, range, call }));
  }

  compile(filter: FilterNode): CompiledFilter<RecordFilterSql> {
    return compileRecordFilter(this.#options.dialect, filter, this.#options.isIndexed);
  }

  page(
    ns: string,
    request: PageRequest<RecordFilterSql> & { readonly include: 'rows' },
    call: Call,
  ): Promise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<RecordFilterSql> & { readonly include: 'keys' | 'info' },
    call: Call,
  ): Promise<RowPage<InfoRow>>;
  async page(ns: string, request: PageRequest<RecordFilterSql>, call: Call): Promise<RowPage<InfoRow>> {
    const { prefix, filter, sort, after, limit, include } = request;
    const { dialect, names } = this.#options;
    const whole = include === 'rows';
    // One row more than is shown tells whether there is a next page.
    const now = postgresNow(this.#rows.now(), 'statement');
    const page = { namespace: ns, now, prefix, filter, sort, after, limit: limit + 1 };
    const fragment = pageRecords(dialect, whole ? rowColumns(dialect) : infoColumns, page);
    const text = dialect.placeholders(fragment.text);
    // A plan for any operand is as good as one for these where the order of the keys is walked; else it may be far worse.
    const walked = sort.length === 0 && (filter === undefined || filter.seek === 'by key');
    const statement = walked ? names.statement(text, fragment.params) : { text, values: fragment.params };
    return this.#behindAll(call, async () => {
      const { rows } = await this.#rows.session.run(statement, call, false);
      const more = rows.length > limit;
      const shown = more ? rows.slice(0, limit) : rows;
      if (!whole) return { rows: shown.map(toInfoRow), more };
      return { rows: await this.#rows.toRecordRows(shown, call), more };
    });
  }

  async count(
    ns: string,
    prefix: string,
    filter: RecordFilterSql | undefined,
    _estimate: boolean,
    call: Call,
  ): Promise<number> {
    const now = postgresNow(this.#rows.now(), 'statement');
    const fragment = countRecords({ namespace: ns, now, prefix, filter });
    return this.#behindAll(call, async () => {
      const { rows } = await this.#rows.session.run(this.#statement(fragment), call, false);
      return Number(rows[0]?.[0]);
    });
  }

  removeWhere(ns: string, filter: RecordFilterSql | undefined, call: Call): Promise<number> {
    return this.#removeAll(ns, false, filter, call);
  }

  async namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    const { recursive, after = '', limit } = request;
    const base = ns === '' ? '' : `${ns}/`;
    const end = ns === '' ? behindAll : (prefixEnd(base) ?? behindAll);
    const { texts } = this.#rows;
    const values = [base + after + least, end, this.#rows.now(), recursive ? base + after : after, limit + 1];
    return this.#behindAll(call, async () => {
      const found = recursive
        ? await this.#rows.ask(texts.namespaces, values, call)
        : await this.#rows.ask(texts.children, [...values, base], call);
      const names = found.map(([name]) => (recursive ? (name as string).slice(base.length) : (name as string)));
      return { rows: names.slice(0, limit), more: names.length > limit };
    });
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.#removeAll(ns, recursive, undefined, call);
  }

  #removeAll(namespace: string, recursive: boolean, filter: RecordFilterSql | undefined, call: Call): Promise<number> {
    const now = postgresNow(this.#rows.now(), 'moment');
    const fragment = removeSelection({ namespace, recursive, filter, now });
    return this.#behindAll(call, async () => {
      const { count } = await this.#rows.session.run(this.#statement(fragment), call, true);
      return count;
    });
  }

  #statement({ text, params }: SqlFragment): { readonly text: string; readonly values: readonly unknown[] } {
    return { text: this.#options.dialect.placeholders(text), values: params };
  }

  /** Runs behind what was called for a key, and before what comes later for it. */
  #behindKey<T>(ns: string, key: string, call: Call, task: () => Promise<T>): Promise<T> {
    return this.#coalescer === undefined ? task() : this.#coalescer.after(recordId(ns, key), call, task);
  }

  /** Runs behind every write that was called before. */
  behindAll<T>(call: Call, task: () => Promise<T>): Promise<T> {
    return this.#behindAll(call, task);
  }

  #behindAll<T>(call: Call, task: () => Promise<T>): Promise<T> {
    return this.#coalescer === undefined ? task() : this.#coalescer.after(undefined, call, task);
  }
}

/** Behind every namespace path: they have 96 bytes at most. */
const behindAll = '\u{10ffff}'.repeat(25);
/** The least character there is, so that a text with it appended is the next one behind the text. */
const least = '\u0001';

/** Refuses a batch with a member that can't be kept, and says which it is. */
function checkSteps(ops: readonly WriteOp[]): void {
  for (const [index, op] of ops.entries()) {
    try {
      if (op.type === 'write') assertReadable(op.row);
    } catch (error) {
      throw isStorageError(error) ? stepFailed(error, index) : error;
    }
  }
}

/** Asks once for each namespace. */
async function byNamespace<T>(
  batch: readonly Place[],
  ask: (ns: string, keys: readonly string[]) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const keys = new Map<string, string[]>();
  for (const { ns, key } of batch) {
    const of = keys.get(ns);
    if (of === undefined) keys.set(ns, [key]);
    else of.push(key);
  }
  return new Map(await Promise.all([...keys].map(async ([ns, of]) => [ns, await ask(ns, of)] as const)));
}
