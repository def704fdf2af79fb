import {
  AsyncCoalescer,
  type Call,
  type CompiledFilter,
  type Gathered,
  type InfoRow,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  recordId,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';
import { asStorageError, infoFields, type RedisEngine, reconnectMs, wholeFields } from './redis-engine.ts';
import { isLost } from './redis-errors.ts';
import { RedisNamespaces } from './redis-namespaces.ts';
import { type PageOf, RedisPages } from './redis-pages.ts';
import type { FoundRow } from './redis-rows.ts';
import { scripts } from './redis-scripts.ts';
import type { RedisQuery, RedisSearch } from './redis-search.ts';
import { RedisStreams } from './redis-streams.ts';
import { RedisWrites, type RemoveOp, type WriteOp } from './redis-writes.ts';

interface ReadOp {
  readonly ns: string;
  readonly key: string;
}

/** What the records are made of once the connection is there. */
interface Parts {
  readonly engine: RedisEngine;
  readonly writes: RedisWrites;
  readonly pages: RedisPages;
  readonly streams: RedisStreams;
  readonly namespaces: RedisNamespaces;
}

/** Records with an index. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class RedisRecords implements RecordDriver<RedisQuery> {
  readonly #search: RedisSearch;
  readonly #scanLimit: number;
  readonly #coalescer = new AsyncCoalescer();
  readonly #read: Gathered<ReadOp, FoundRow | undefined>;
  readonly #write: Gathered<WriteOp, InfoRow>;
  readonly #remove: Gathered<RemoveOp, boolean>;
  #parts: Parts | undefined;

  constructor(search: RedisSearch, scanLimit: number) {
    this.#search = search;
    this.#scanLimit = scanLimit;
    this.#read = this.#coalescer.lane<ReadOp, FoundRow | undefined>({
      write: false,
      run: (batch, call) => this.#readBatch(batch, call),
    });
    this.#write = this.#coalescer.lane<WriteOp, InfoRow>({
      write: true,
      run: (batch) => this.#there.writes.store(batch),
    });
    this.#remove = this.#coalescer.lane<RemoveOp, boolean>({
      write: true,
      run: (batch) => this.#there.writes.remove(batch),
    });
  }

  /** Works over this connection from now on. */
  attach(engine: RedisEngine): void {
    const search = this.#search;
    const pages = new RedisPages(engine, search, this.#scanLimit);
    this.#parts = {
      engine,
      writes: new RedisWrites(engine, search),
      pages,
      streams: new RedisStreams(engine, search),
      namespaces: new RedisNamespaces(engine, pages),
    };
    engine.registry.onAnnounce = () => this.#there.namespaces.prune();
  }

  get #there(): Parts {
    if (this.#parts === undefined) throw new Error('The records are used before the backend is open.');
    return this.#parts;
  }

  async #readBatch(batch: readonly ReadOp[], call: Call): Promise<RowOutcome<FoundRow | undefined>[]> {
    const { engine } = this.#there;
    try {
      const [first] = batch;
      if (first !== undefined && batch.length === 1)
        return [{ ok: true, value: await engine.readOne(first.ns, first.key, wholeFields) }];
      const rows = await engine.readAnywhere(batch, wholeFields);
      return rows.map((value) => ({ ok: true, value }));
    } catch (error) {
      throw await engine.readFailed(error, call);
    }
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    const row = await this.#read(recordId(ns, key), { ns, key }, call);
    if (row === undefined || (row.content !== null && row.content !== undefined)) return row as RecordRow | undefined;
    return this.#there.engine.complete(ns, row);
  }

  readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    return this.#coalescer.after(undefined, call, async () => {
      const { engine } = this.#there;
      const rows = await engine.readMany(ns, keys, wholeFields);
      return Promise.all(rows.map((row) => engine.complete(ns, row)));
    });
  }

  exists(ns: string, key: string, call: Call): Promise<boolean> {
    return this.#coalescer.after(recordId(ns, key), call, async () => {
      const { engine } = this.#there;
      return (await engine.connection.command('exists', [engine.layout.bucketOf(ns, key).records + key])) === 1;
    });
  }

  write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { engine, writes } = this.#there;
    engine.checkBulk(row.size);
    const op: WriteOp = { ns, row: ownRow(row) };
    const id = recordId(ns, row.key);
    if (row.condition === undefined) return this.#write(id, op, call);
    return this.#coalescer.after(id, call, async (task) => {
      const [outcome] = await writes.store([op]);
      if (outcome?.ok) return outcome.value;
      return this.#settleWrite(ns, row, outcome?.error, task);
    });
  }

  /** A conditional write whose answer was lost has happened if its own etag is there. */
  async #settleWrite(ns: string, head: WriteHead, error: unknown, call: Call): Promise<InfoRow> {
    const translated = asStorageError(error, 'records.store', true);
    if (!isLost(translated)) throw translated;
    const { engine } = this.#there;
    await engine.connection.settled(reconnectMs, call);
    // Where it can't be read either, nobody knows.
    const found = await engine.readOne(ns, head.key, infoFields).catch(() => undefined);
    if (found?.etag === head.etag) {
      const { stream: _stream, content: _content, ...row } = found;
      return row;
    }
    throw translated;
  }

  async writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    const ops = rows.map((row): WriteOp => ({ ns, row: ownRow(row) }));
    const { writes } = this.#there;
    return this.#coalescer.after(undefined, call, () => (atomic ? writes.storeAtomic(ops) : writes.store(ops)));
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const outcome = await this.#there.streams.write(ns, head, chunks, call, (put) =>
      this.#coalescer.after(recordId(ns, head.key), call, put),
    );
    return outcome.ok ? outcome.value : this.#settleWrite(ns, head, outcome.error, call);
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    return this.#coalescer.after(recordId(ns, key), call, () => this.#there.streams.read(ns, key, range));
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const op: RemoveOp = { ns, key, etag };
    const id = recordId(ns, key);
    if (etag === undefined) return (await this.#remove(id, op, call)) || !report;
    return this.#coalescer.after(id, call, async () => {
      const [outcome] = await this.#there.writes.remove([op]);
      if (outcome?.ok) return outcome.value;
      throw asStorageError(outcome?.error, 'records.delete', true);
    });
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    const ops = keys.map((key): RemoveOp => ({ ns, key, etag: undefined }));
    const { writes } = this.#there;
    return this.#coalescer.after(undefined, call, () => (atomic ? writes.removeAtomic(ops) : writes.remove(ops)));
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    return this.#coalescer.after(recordId(ns, key), call, async () => {
      const { engine } = this.#there;
      const bucket = engine.layout.bucketOf(ns, key);
      const names = [bucket.order, bucket.expiry, bucket.records + key];
      return (await engine.run(scripts.touch, names, [bucket.chunks, key, ttlMs ?? ''])) === 1;
    });
  }

  compile(filter: FilterNode): CompiledFilter<RedisQuery> {
    return this.#search.compile(filter);
  }

  page(
    ns: string,
    request: PageRequest<RedisQuery> & { readonly include: 'rows' },
    call: Call,
  ): Promise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<RedisQuery> & { readonly include: 'keys' | 'info' },
    call: Call,
  ): Promise<RowPage<InfoRow>>;
  page(ns: string, request: PageRequest<RedisQuery>, call: Call): Promise<PageOf> {
    return this.#coalescer.after(undefined, call, (task) => this.#there.pages.page(ns, request, task));
  }

  count(ns: string, prefix: string, _filter: RedisQuery | undefined, estimate: boolean, call: Call): Promise<number> {
    return this.#coalescer.after(undefined, call, (task) => this.#there.pages.count(ns, prefix, estimate, task));
  }

  removeWhere(ns: string, _filter: RedisQuery | undefined, call: Call): Promise<number> {
    return this.#coalescer.after(undefined, call, (task) => this.#there.namespaces.clear(ns, this.#there.writes, task));
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    return this.#coalescer.after(undefined, call, (task) => this.#there.namespaces.list(ns, request, task));
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.#coalescer.after(undefined, call, (task) =>
      this.#there.namespaces.drop(ns, recursive, this.#there.writes, task),
    );
  }
}

/** The row with bytes that nobody else can change: it may be sent after the call has returned. */
export function ownRow(row: WriteRow): WriteRow {
  return typeof row.content === 'string' ? row : { ...row, content: new Uint8Array(row.content) };
}
