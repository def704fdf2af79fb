import type {
  Call,
  CompiledFilter,
  InfoRow,
  PageRequest,
  Position,
  RecordDriver,
  RecordRow,
  RowOutcome,
  RowPage,
  WriteHead,
  WriteRow,
} from '@storage/backend-kit';
import { StorageError, withContext } from '@storage/core';
import { compareCodePoints, compareSortValues, type FilterNode } from '@storage/core/filter';
import { MemoryBudget } from './memory-budget.ts';
import { compilePredicate, type Predicate } from './memory-filter.ts';
import { childPaths, isWithin } from './memory-namespaces.ts';
import type { MemoryLimits } from './memory-options.ts';
import { collectBytes, slices } from './memory-streams.ts';
import { recordDocument, valueAt } from './record-document.ts';
import { SortedKeys } from './sorted-keys.ts';

interface Table {
  readonly rows: Map<string, RecordRow>;
  readonly keys: SortedKeys;
}

function bytesOf(row: RecordRow): number {
  return row.key.length * 2 + row.size + row.metadata.length;
}

/** Records in maps, one a namespace. Every step is synchronous, so each call is atomic. */
export class MemoryRecords implements RecordDriver<Predicate> {
  readonly #tables = new Map<string, Table>();
  readonly #clock: () => number;
  readonly #budget: MemoryBudget;
  #writesSinceSweep = 0;

  constructor(clock: () => number, limits: MemoryLimits) {
    this.#clock = clock;
    this.#budget = new MemoryBudget(limits, () => this.sweep());
  }

  /** Entries and bytes kept now. */
  usage(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#budget.entries, bytes: this.#budget.bytes };
  }

  /** Removes what is expired. Costs one pass, so it is made once per as many writes as there are records. */
  sweep(): void {
    this.#writesSinceSweep = 0;
    const now = this.#clock();
    for (const [ns, table] of this.#tables) {
      for (const row of table.rows.values())
        if (row.expiresAt !== null && row.expiresAt <= now) this.#remove(ns, table, row);
    }
  }

  read(ns: string, key: string): RecordRow | undefined {
    const row = this.#live(ns, key);
    // A copy of bytes: what a reader does to them changes nothing that is stored.
    return row === undefined || typeof row.content === 'string' ? row : { ...row, content: row.content.slice() };
  }

  readMany(ns: string, keys: readonly string[]): readonly (RecordRow | undefined)[] {
    return keys.map((key) => this.read(ns, key));
  }

  exists(ns: string, key: string): boolean {
    return this.#live(ns, key) !== undefined;
  }

  write(ns: string, row: WriteRow): InfoRow {
    const present = this.#live(ns, row.key);
    checkCondition(row, present);
    const now = this.#clock();
    const { ttlMs, condition: _condition, ...kept } = row;
    const content = typeof row.content === 'string' ? row.content : row.content.slice();
    const next: RecordRow = {
      ...kept,
      content,
      createdAt: present?.createdAt ?? now,
      updatedAt: now,
      expiresAt: ttlMs === null ? null : now + ttlMs,
    };
    const replaced = this.#tables.get(ns)?.rows.get(row.key);
    this.#budget.require(
      replaced === undefined ? 1 : 0,
      bytesOf(next) - (replaced === undefined ? 0 : bytesOf(replaced)),
    );
    this.#put(ns, next);
    if (++this.#writesSinceSweep > this.#budget.entries + 1000) this.sweep();
    return next;
  }

  writeMany(ns: string, rows: readonly WriteRow[], atomic: boolean): readonly RowOutcome<InfoRow>[] {
    if (!atomic) return rows.map((row) => outcome(() => this.write(ns, row)));
    return this.#undoable(
      ns,
      rows.map((row) => row.key),
      () => rows.map((row, index) => ({ ok: true, value: indexed(index, () => this.write(ns, row)) })),
    );
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const content = await collectBytes(chunks, call, (size) => this.#budget.require(0, size));
    return this.write(ns, { ...head, content, size: content.length });
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
  ): (InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined {
    const row = this.#live(ns, key);
    if (row === undefined) return undefined;
    const bytes = typeof row.content === 'string' ? new TextEncoder().encode(row.content) : row.content;
    const end = range.length === undefined ? bytes.length : range.offset + range.length;
    return { ...row, chunks: slices(bytes.subarray(range.offset, end)) };
  }

  remove(ns: string, key: string, etag?: string, report: boolean = true): boolean {
    const row = this.#live(ns, key);
    if (etag !== undefined && row?.etag !== etag) throw conflict(key);
    const table = this.#tables.get(ns);
    const present = table?.rows.get(key);
    if (table !== undefined && present !== undefined) this.#remove(ns, table, present);
    return row !== undefined || !report;
  }

  removeMany(ns: string, keys: readonly string[]): readonly RowOutcome<boolean>[] {
    return keys.map((key) => ({ ok: true, value: this.remove(ns, key) }));
  }

  touch(ns: string, key: string, ttlMs: number | null): boolean {
    const row = this.#live(ns, key);
    if (row === undefined) return false;
    this.#tables.get(ns)?.rows.set(key, { ...row, expiresAt: ttlMs === null ? null : this.#clock() + ttlMs });
    return true;
  }

  compile(filter: FilterNode): CompiledFilter<Predicate> {
    return { native: compilePredicate(filter), precision: 'exact' };
  }

  page(ns: string, request: PageRequest<Predicate>): RowPage<RecordRow> {
    const { after, limit, sort } = request;
    if (sort.length > 0) return this.#sortedPage(ns, request);
    const rows: RecordRow[] = [];
    for (const row of this.#matching(ns, request.prefix, request.filter, after?.key)) {
      if (rows.length === limit) return { rows, more: true };
      rows.push(row);
    }
    return { rows, more: false };
  }

  count(ns: string, prefix: string, filter: Predicate | undefined): number {
    let count = 0;
    for (const _row of this.#matching(ns, prefix, filter, undefined)) count++;
    return count;
  }

  removeWhere(ns: string, filter: Predicate | undefined): number {
    const table = this.#tables.get(ns);
    if (table === undefined) return 0;
    const rows = [...this.#matching(ns, '', filter, undefined)];
    for (const row of rows) this.#remove(ns, table, row);
    return rows.length;
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
  ): RowPage<string> {
    this.sweep();
    return childPaths(this.#tables.keys(), ns, request);
  }

  dropNamespace(ns: string, recursive: boolean): number {
    this.sweep();
    let deleted = 0;
    for (const [path, table] of this.#tables) {
      if (path !== ns && !(recursive && isWithin(path, ns))) continue;
      for (const row of table.rows.values()) this.#budget.add(-1, -bytesOf(row));
      deleted += table.rows.size;
      this.#tables.delete(path);
    }
    return deleted;
  }

  #sortedPage(ns: string, { prefix, filter, sort, after, limit }: PageRequest<Predicate>): RowPage<RecordRow> {
    const positions = [...this.#matching(ns, prefix, filter, undefined)].map((row) => {
      const document = recordDocument(row);
      return { row, key: row.key, sort: sort.map((term) => valueAt(document, term.path)) };
    });
    const compare = (a: { readonly key: string; readonly sort: readonly unknown[] }, b: Position): number => {
      for (const [index, term] of sort.entries()) {
        const order = compareSortValues(a.sort[index], b.sort[index], term.descending ? 'desc' : 'asc');
        if (order !== 0) return order;
      }
      return compareCodePoints(a.key, b.key);
    };
    positions.sort((a, b) => compare(a, b as unknown as Position));
    const start = after === undefined ? 0 : positions.findIndex((position) => compare(position, after) > 0);
    const rest = start < 0 ? [] : positions.slice(start);
    return { rows: rest.slice(0, limit).map((position) => position.row), more: rest.length > limit };
  }

  *#matching(
    ns: string,
    prefix: string,
    filter: Predicate | undefined,
    after: string | undefined,
  ): Generator<RecordRow> {
    const table = this.#tables.get(ns);
    if (table === undefined) return;
    const keys = table.keys.all();
    const start = after !== undefined && compareCodePoints(after, prefix) >= 0 ? after : prefix;
    for (let index = table.keys.from(start); index < keys.length; index++) {
      const key = keys[index] ?? '';
      if (!key.startsWith(prefix)) return;
      const row = key === after ? undefined : this.#live(ns, key);
      if (row !== undefined && (filter === undefined || filter(recordDocument(row)))) yield row;
    }
  }

  #undoable<T>(ns: string, keys: readonly string[], work: () => T): T {
    const before = new Map(keys.map((key) => [key, this.#live(ns, key)]));
    try {
      return work();
    } catch (error) {
      for (const [key, row] of before) {
        this.remove(ns, key);
        if (row !== undefined) this.#put(ns, row);
      }
      throw error;
    }
  }

  #expired(row: RecordRow): boolean {
    return row.expiresAt !== null && row.expiresAt <= this.#clock();
  }

  #live(ns: string, key: string): RecordRow | undefined {
    const row = this.#tables.get(ns)?.rows.get(key);
    return row === undefined || this.#expired(row) ? undefined : row;
  }

  #put(ns: string, row: RecordRow): void {
    let table = this.#tables.get(ns);
    if (table === undefined) {
      table = { rows: new Map(), keys: new SortedKeys() };
      this.#tables.set(ns, table);
    }
    const replaced = table.rows.get(row.key);
    if (replaced === undefined) table.keys.add(row.key);
    table.rows.set(row.key, row);
    this.#budget.add(replaced === undefined ? 1 : 0, bytesOf(row) - (replaced === undefined ? 0 : bytesOf(replaced)));
  }

  #remove(ns: string, table: Table, row: RecordRow): void {
    table.rows.delete(row.key);
    table.keys.delete(row.key);
    this.#budget.add(-1, -bytesOf(row));
    if (table.rows.size === 0) this.#tables.delete(ns);
  }
}

function checkCondition(row: WriteRow, present: RecordRow | undefined): void {
  if (row.condition?.type === 'absent' && present !== undefined) {
    throw new StorageError({
      code: 'already_exists',
      message: 'there is a record under this key; store without ifAbsent to replace it.',
      key: row.key,
      applied: 'no',
      details: { etag: present.etag },
    });
  }
  if (row.condition?.type === 'match' && present?.etag !== row.condition.etag) throw conflict(row.key);
}

function conflict(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'the record does not have this etag any more; read it again.',
    key,
    applied: 'no',
  });
}

function outcome<T>(work: () => T): RowOutcome<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error: error as StorageError };
  }
}

function indexed<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withContext(error, { details: { index } });
  }
}
