import {
  assertKey,
  type CallOptions,
  type CountQuery,
  childNamespace,
  type DropNamespaceOptions,
  invalidArgument,
  type JsonValue,
  type KeyEntry,
  type ListOptions,
  type NamespaceListOptions,
  namespaceNames,
  type Page,
  type Query,
  type RecordFilter,
  type RecordInfo,
  type RecordStore,
  type RetrieveStreamOptions,
  type StoredRecord,
  type StoreOptions,
  type TouchOptions,
} from '@storage/core';
import { type BackendContext, CallGuard } from './context.ts';
import { encodeCursor } from './cursor.ts';
import { KeyedRecordsFacade } from './keyed-records.ts';
import { deleteMatches } from './record-delete-where.ts';
import type { EntryRow, InfoRow, Position, RecordDriver, RowPage } from './record-driver.ts';
import { checkFlag, checkTtl, encodeHead, unsupported } from './record-encode.ts';
import { readMatches, ScanBudget } from './record-pages.ts';
import { checkLimit, checkPrefix, maxLimit, type Plan, planSelection, positionOf } from './record-plan.ts';
import { toInfo, toTextRecord } from './record-rows.ts';
import { compileSelect } from './record-select.ts';
import { checkedChunks, checkRange, checkStream, toStreamRecord } from './record-streams.ts';

/** How many records an iteration reads at a time. */
const iterationPage = 200;

/** `RecordStore` over a driver. */
export class RecordStoreFacade<Native> extends KeyedRecordsFacade<RecordDriver<Native>> implements RecordStore {
  storeStream(key: string, chunks: AsyncIterable<Uint8Array>, options?: StoreOptions): Promise<RecordInfo> {
    const { guard, capabilities } = this;
    return guard.run('records.storeStream', key, true, options, () => {
      assertKey(key);
      if (!capabilities.bytes) throw unsupported('bytes', 'records.bytes');
      const source = checkStream(chunks);
      const head = encodeHead(key, 'bytes', options, guard.context, capabilities);
      if (head.condition !== undefined && !capabilities.conditionalStreams)
        throw unsupported('conditional streams', 'records.conditionalStreams');
      return async (call) =>
        toInfo(
          await this.driver.writeStream(this.path, head, checkedChunks(source, capabilities.maxValueBytes, call), call),
        );
    });
  }

  retrieveText(key: string, options?: CallOptions): Promise<StoredRecord<string> | undefined> {
    return this.guard.run('records.retrieveText', key, false, options, () => {
      assertKey(key);
      return async (call) => toTextRecord(await this.driver.read(this.path, key, call));
    });
  }

  retrieveStream(
    key: string,
    options?: RetrieveStreamOptions,
  ): Promise<StoredRecord<AsyncIterable<Uint8Array>> | undefined> {
    return this.guard.run('records.retrieveStream', key, false, options, () => {
      assertKey(key);
      const range = checkRange(options?.range);
      return async (call) =>
        toStreamRecord(await this.driver.readStream(this.path, key, range, call), this.guard, options);
    });
  }

  touch(key: string, options: TouchOptions): Promise<boolean> {
    return this.guard.run('records.touch', key, true, options, () => {
      assertKey(key);
      const ttlMs: unknown = options?.ttlMs;
      const checked = ttlMs === null ? null : checkTtl(ttlMs, this.capabilities);
      if (this.capabilities.ttl === false) throw unsupported('expiry', 'records.ttl');
      return (call) => this.driver.touch(this.path, key, checked, call);
    });
  }

  deleteWhere<T = JsonValue>(filter: RecordFilter<T>, options?: CallOptions): Promise<number> {
    return this.guard.run('records.deleteWhere', undefined, true, options, () => {
      const { driver, path, capabilities } = this;
      if (capabilities.deleteWhere === 'none') throw unsupported('deleteWhere', 'records.deleteWhere');
      if (filter === undefined)
        throw invalidArgument('deleteWhere needs a filter; {} deletes every record.', { path: 'filter' });
      const plan = this.#plan({ filter });
      return (call) => {
        if (plan.never) return 0;
        if (plan.recheck === undefined) return driver.removeWhere(path, plan.filter, call);
        const conditional = capabilities.conditional !== 'none' && capabilities.conditionalDelete;
        return deleteMatches(driver, path, plan, conditional, this.#budget(), call);
      };
    });
  }

  list(options?: ListOptions): Promise<Page<KeyEntry>> {
    return this.guard.run('records.list', undefined, false, options, () => {
      if (this.capabilities.list === 'none') throw unsupported('lists', 'records.list');
      const prefix = checkPrefix(options?.prefix);
      const limit = checkLimit(options?.limit);
      const include: unknown = options?.include;
      if (include !== undefined && include !== 'info')
        throw invalidArgument("include is 'info' or left out.", { path: 'include' });
      const text = JSON.stringify(['list', this.path, prefix]);
      const after = positionOf(options?.cursor, text);
      return async (call) => {
        const request = { prefix, filter: undefined, sort: [], after, limit };
        const { rows, more } = include
          ? mapRows(await this.driver.page(this.path, { ...request, include: 'info' }, call), toInfoEntry)
          : mapRows(await this.driver.page(this.path, { ...request, include: 'keys' }, call), toEntry);
        const last = rows.at(-1);
        return this.#page(rows, text, more && last ? { key: last.key, sort: [] } : undefined);
      };
    });
  }

  query<T = JsonValue>(query: Query<T> = {}, options?: CallOptions): Promise<Page<StoredRecord<T>>> {
    return this.guard.run('records.query', undefined, false, options, () => {
      const plan = this.#plan(query);
      const limit = checkLimit(query.limit);
      const project = compileSelect(query.select);
      const after = positionOf(query.cursor, plan.text);
      return async (call) => {
        if (plan.never) return { items: [] };
        const { records, next } = await readMatches(this.driver, this.path, plan, after, limit, this.#budget(), call);
        const items =
          project === undefined ? records : records.map((record) => ({ ...record, data: project(record.data) }));
        return this.#page(items as readonly StoredRecord<T>[], plan.text, next);
      };
    });
  }

  count<T = JsonValue>(query: CountQuery<T> = {}, options?: CallOptions): Promise<number> {
    return this.guard.run('records.count', undefined, false, options, () => {
      const { mode = 'exact' } = query;
      if (mode !== 'exact' && mode !== 'estimate')
        throw invalidArgument("mode is 'exact' or 'estimate'.", { path: 'mode' });
      const plan = this.#plan(query, query.filter !== undefined);
      return async (call) => {
        if (plan.never) return 0;
        if (plan.recheck === undefined)
          return this.driver.count(this.path, plan.prefix, plan.filter, mode === 'estimate', call);
        const budget = this.#budget();
        let count = 0;
        let after: Position | undefined;
        do {
          const page = await readMatches(this.driver, this.path, plan, after, maxLimit, budget, call);
          count += page.records.length;
          after = page.next;
        } while (after !== undefined);
        return count;
      };
    });
  }

  async *iterate<T = JsonValue>(
    query: Query<T> = {},
    options?: CallOptions,
  ): AsyncGenerator<StoredRecord<T>, void, undefined> {
    let plan: Plan<Native> | undefined;
    let project: ReturnType<typeof compileSelect>;
    let after: Position | undefined;
    let left = Number.POSITIVE_INFINITY;
    const budget = this.#budget();
    do {
      const { records, next } = await this.guard.run('records.iterate', undefined, false, options, () => {
        if (plan === undefined) {
          plan = this.#plan(query);
          project = compileSelect(query.select);
          left = checkLimit(query.limit, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER);
          after = positionOf(query.cursor, plan.text);
        }
        const compiled = plan;
        const limit = Math.min(left, iterationPage);
        return async (call) =>
          compiled.never
            ? { records: [], next: undefined }
            : readMatches(this.driver, this.path, compiled, after, limit, budget, call);
      });
      for (const record of records)
        yield (project === undefined ? record : { ...record, data: project(record.data) }) as StoredRecord<T>;
      left -= records.length;
      after = next;
    } while (after !== undefined && left > 0);
  }

  namespace(name: string): RecordStore {
    if (!this.capabilities.namespaces) throw unsupported('namespaces', 'records.namespaces');
    return new RecordStoreFacade(this.driver, this.guard, childNamespace(this.path, name));
  }

  namespaces(options?: NamespaceListOptions): Promise<Page<string>> {
    return this.guard.run('records.namespaces', undefined, false, options, () => {
      if (!this.capabilities.namespaces) throw unsupported('namespaces', 'records.namespaces');
      const limit = checkLimit(options?.limit);
      const recursive = checkFlag(options?.recursive, 'recursive', false);
      const text = JSON.stringify(['namespaces', this.path, recursive]);
      const after = positionOf(options?.cursor, text)?.key;
      return async (call) => {
        const { rows, more } = await this.driver.namespaces(this.path, { recursive, after, limit }, call);
        const last = rows.at(-1);
        const items = recursive ? rows : rows.map((path) => namespaceNames(path)[0] ?? path);
        return this.#page(items, text, more && last !== undefined ? { key: last, sort: [] } : undefined);
      };
    });
  }

  dropNamespace(options?: DropNamespaceOptions): Promise<{ readonly deleted?: number }> {
    return this.guard.run('records.dropNamespace', undefined, true, options, () => {
      if (!this.capabilities.namespaces) throw unsupported('namespaces', 'records.namespaces');
      const recursive = checkFlag(options?.recursive, 'recursive', false);
      return async (call) => {
        const deleted = await this.driver.dropNamespace(this.path, recursive, call);
        return deleted === undefined ? {} : { deleted };
      };
    });
  }

  #plan(selection: Query<never>, filtered = true): Plan<Native> {
    if (filtered && this.capabilities.query === 'none') throw unsupported('queries', 'records.query');
    return planSelection(this.driver, this.capabilities, this.path, selection);
  }

  #budget(): ScanBudget {
    return new ScanBudget(this.capabilities.scanLimit);
  }

  #page<T>(items: readonly T[], text: string, next: Position | undefined): Page<T> {
    return next === undefined ? { items } : { items, cursor: encodeCursor(text, next) };
  }
}

function mapRows<Row, Entry>({ rows, more }: RowPage<Row>, map: (row: Row) => Entry): RowPage<Entry> {
  return { rows: rows.map(map), more };
}

function toEntry({ key, size, updatedAt, etag }: EntryRow): KeyEntry {
  return {
    key,
    ...(size !== undefined && { size }),
    ...(updatedAt !== undefined && { updatedAt: new Date(updatedAt) }),
    ...(etag !== undefined && { etag }),
  };
}

function toInfoEntry(row: InfoRow): KeyEntry {
  return { ...toEntry(row), info: toInfo(row) };
}

/** The whole record contract over a driver. */
export function createRecordStore<Native>(driver: RecordDriver<Native>, context: BackendContext): RecordStore {
  return new RecordStoreFacade(driver, new CallGuard(context), '');
}
