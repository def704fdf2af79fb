import type { Call, InfoRow, PageRequest, Position, RecordRow, RowPage } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { compareCodePoints, compareSortValues, sortKeyOf, valueAt } from '@storage/core/filter';
import { infoFields, type RedisEngine, wholeFields } from './redis-engine.ts';
import { listOf } from './redis-errors.ts';
import type { Bucket } from './redis-layout.ts';
import type { FoundRow } from './redis-rows.ts';
import type { RedisQuery, RedisSearch } from './redis-search.ts';

/** How many records one look at an index takes. */
const lookRows = 1000;

/** A page of whole rows, or of rows without content. */
export type PageOf = RowPage<RecordRow> & RowPage<InfoRow>;

interface KeyPage {
  readonly keys: readonly string[];
  readonly more: boolean;
}

/** Lists, in the order of the keys: ranges of each bucket, merged. */
export class RedisPages {
  readonly #engine: RedisEngine;
  readonly #search: RedisSearch;
  readonly #scanLimit: number;

  constructor(engine: RedisEngine, search: RedisSearch, scanLimit: number) {
    this.#engine = engine;
    this.#search = search;
    this.#scanLimit = scanLimit;
  }

  async page(ns: string, request: PageRequest<RedisQuery>, call: Call): Promise<PageOf> {
    const { prefix, filter, sort, after, limit, include } = request;
    const candidates = filter === undefined ? undefined : await this.#candidates(ns, filter, prefix);
    if (sort.length > 0) return this.#sorted(ns, request, candidates, call);
    const fields = include === 'rows' ? wholeFields : infoFields;
    const rows: FoundRow[] = [];
    let position = after?.key;
    for (;;) {
      call.check();
      const { keys, more } = await this.#keys(ns, prefix, position, limit - rows.length, candidates);
      rows.push(...(await this.#live(ns, keys, fields)));
      if (!more || rows.length === limit) return { rows: await this.#complete(ns, rows, include), more };
      position = keys.at(-1);
    }
  }

  async count(ns: string, prefix: string, estimate: boolean, call: Call): Promise<number> {
    const { layout, connection } = this.#engine;
    if (estimate) {
      const counts = await Promise.all(
        layout.of(ns).map((bucket) => connection.command('zlexcount', [bucket.order, ...bounds(prefix, undefined)])),
      );
      return counts.reduce<number>((sum, count) => sum + Number(count), 0);
    }
    let count = 0;
    for (const bucket of layout.of(ns)) {
      for await (const keys of this.#walk(bucket, prefix, call))
        count += Number(
          await connection.command(
            'exists',
            keys.map((key) => bucket.records + key),
          ),
        );
    }
    return count;
  }

  /** The keys of a bucket, some at a time, along a cursor: it ends whatever writers do. */
  walk(bucket: Bucket, call: Call): AsyncGenerator<readonly string[]> {
    return this.#walk(bucket, '', call);
  }

  /** Whether there is a record in the namespace. Mends the indexes as far as it looks. */
  async holds(ns: string, call: Call): Promise<boolean> {
    const { layout, connection } = this.#engine;
    for (const bucket of layout.of(ns)) {
      for await (const keys of this.#walk(bucket, '', call)) {
        const names = keys.map((key) => bucket.records + key);
        if (Number(await connection.command('exists', names)) > 0) return true;
        await this.#engine.heal(bucket, keys);
      }
    }
    return false;
  }

  async *#walk(bucket: Bucket, prefix: string, call: Call): AsyncGenerator<readonly string[]> {
    for (let after: string | undefined, more = true; more; ) {
      call.check();
      const keys = await this.#range(bucket, prefix, after, lookRows);
      if (keys.length > 0) yield keys;
      more = keys.length === lookRows;
      after = keys.at(-1);
    }
  }

  async #range(bucket: Bucket, prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    const reply = await this.#engine.connection.command('zrangebylex', [
      bucket.order,
      ...bounds(prefix, after),
      'LIMIT',
      0,
      limit,
    ]);
    return listOf<string>(reply);
  }

  async #keys(
    ns: string,
    prefix: string,
    after: string | undefined,
    limit: number,
    candidates: readonly string[] | undefined,
  ): Promise<KeyPage> {
    if (candidates !== undefined) {
      const start = after === undefined ? 0 : candidates.findIndex((key) => compareCodePoints(key, after) > 0);
      const rest = start < 0 ? [] : candidates.slice(start, start + limit + 1);
      return { keys: rest.slice(0, limit), more: rest.length > limit };
    }
    const buckets = this.#engine.layout.of(ns);
    const ranges = await Promise.all(buckets.map((bucket) => this.#range(bucket, prefix, after, limit + 1)));
    // Each is in order by bytes already, which is the order of code points.
    const [only = []] = ranges;
    const merged = ranges.length === 1 ? only : ranges.flat().sort(compareCodePoints);
    return { keys: merged.slice(0, limit), more: merged.length > limit };
  }

  /** The records of these keys that are there; the keys of others are taken out of the index. */
  async #live(ns: string, keys: readonly string[], fields: readonly string[]): Promise<readonly FoundRow[]> {
    if (keys.length === 0) return [];
    const rows = await this.#engine.readMany(ns, keys, fields);
    const gone = new Map<Bucket, string[]>();
    for (const [index, row] of rows.entries()) {
      if (row !== undefined) continue;
      const key = keys[index] as string;
      const bucket = this.#engine.layout.bucketOf(ns, key);
      gone.set(bucket, [...(gone.get(bucket) ?? []), key]);
    }
    for (const [bucket, lost] of gone) await this.#engine.heal(bucket, lost);
    return rows.filter((row) => row !== undefined);
  }

  async #complete(ns: string, rows: readonly FoundRow[], include: 'keys' | 'info' | 'rows'): Promise<RecordRow[]> {
    if (include !== 'rows') return rows as readonly InfoRow[] as RecordRow[];
    const complete: RecordRow[] = [];
    for (const row of rows) {
      const whole = isWhole(row) ? row : await this.#engine.complete(ns, row);
      if (whole !== undefined) complete.push(whole);
    }
    return complete;
  }

  /** Reads all that may match, as far as `scanLimit` goes, and sorts it here: the server has no order but that of the keys. */
  async #sorted(
    ns: string,
    { prefix, sort, after, limit, include }: PageRequest<RedisQuery>,
    candidates: readonly string[] | undefined,
    call: Call,
  ): Promise<PageOf> {
    const found: { readonly row: FoundRow; readonly key: string; readonly sort: readonly unknown[] }[] = [];
    for (let position: string | undefined, more = true; more; ) {
      call.check();
      const page = await this.#keys(ns, prefix, position, lookRows, candidates);
      for (const row of await this.#live(ns, page.keys, wholeFields)) {
        const document = documentOf(row);
        found.push({ row, key: row.key, sort: sort.map(({ path }) => sortKeyOf(valueAt(document, path))) });
      }
      this.#checkScan(found.length);
      more = page.more;
      position = page.keys.at(-1);
    }
    const compare = (
      a: { readonly key: string; readonly sort: readonly unknown[] },
      b: typeof a | Position,
    ): number => {
      for (const [index, { descending }] of sort.entries()) {
        const order = compareSortValues(a.sort[index], b.sort[index], descending ? 'desc' : 'asc');
        if (order !== 0) return order;
      }
      return compareCodePoints(a.key, b.key);
    };
    found.sort(compare);
    const start = after === undefined ? 0 : found.findIndex((entry) => compare(entry, after) > 0);
    const rest = start < 0 ? [] : found.slice(start, start + limit + 1);
    const rows = rest.slice(0, limit).map(({ row }) => row);
    return { rows: await this.#complete(ns, rows, include), more: rest.length > limit };
  }

  #checkScan(rows: number): void {
    if (rows <= this.#scanLimit) return;
    throw new StorageError({
      code: 'scan_limit',
      message: `Sorting would read more than ${this.#scanLimit} records; narrow the query down by prefix or namespace, or raise \`scanLimit\`.`,
      details: { scanLimit: this.#scanLimit },
    });
  }

  /** Keys among which every match is, in order. Missing: all keys have to be looked at. */
  async #candidates(ns: string, filter: RedisQuery, prefix: string): Promise<readonly string[] | undefined> {
    const keys = await this.#search.find(this.#engine, ns, filter, this.#scanLimit);
    return keys?.filter((key) => key.startsWith(prefix)).sort(compareCodePoints);
  }
}

/** Whether the content is here. */
function isWhole(row: FoundRow): row is FoundRow & RecordRow {
  return row.content !== null && row.content !== undefined;
}

/** The least and the greatest of a range by key. No text has the byte 0xff, so that it stands behind every key of a prefix. */
function bounds(prefix: string, after: string | undefined): [string, string | Buffer] {
  const behind = after !== undefined && compareCodePoints(after, prefix) >= 0;
  const start = behind ? `(${after}` : prefix === '' ? '-' : `[${prefix}`;
  return [start, prefix === '' ? '+' : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)])];
}

/** What a sort looks at. Bytes have no paths below `data`. */
function documentOf(row: FoundRow): object {
  return {
    key: row.key,
    data: typeof row.content === 'string' ? (JSON.parse(row.content) as unknown) : undefined,
    metadata: JSON.parse(row.metadata) as unknown,
    createdAt: row.createdAt === undefined ? undefined : new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
  };
}
