import { setMaxListeners } from 'node:events';
import {
  AsyncCoalescer,
  type Call,
  type CompiledFilter,
  type Gathered,
  GroupCall,
  type InfoRow,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  recordId,
  slices,
  type TransactionDriver,
  type TransactionStep,
  unboundedCall,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import { againOf } from './mongo-contention.ts';
import { type FoundDocument, idOf, isLive, live, toInfoRow, toRecordRow, wholeProjection } from './mongo-documents.ts';
import { translateFor } from './mongo-errors.ts';
import { compileMongoFilter, type MongoFilter } from './mongo-filter.ts';
import { listNamespaces } from './mongo-namespaces.ts';
import { countDocuments, pageDocuments } from './mongo-pages.ts';
import { dropNamespace, type RemoveOp, removeBatch, removeOne, removeWhere } from './mongo-removes.ts';
import type { MongoStore } from './mongo-store.ts';
import { inlineBytes, readBytes, readStream, writeStream } from './mongo-streams.ts';
import { type WriteOp, writeBatch, writeRow } from './mongo-writes.ts';

/** JSON has to fit into one document together with what filters look at, whatever is in it. */
const jsonBytes = 4 * 1024 * 1024;

interface ReadOp {
  readonly ns: string;
  readonly key: string;
}

/** The row with bytes that nobody else can change: it may be sent after the call has returned. */
function ownRow(row: WriteRow): WriteRow {
  return typeof row.content === 'string' ? row : { ...row, content: new Uint8Array(row.content) };
}

/** Calls of one caller, which end together: they listen to a signal of their own, so that the caller's has one listener. */
function together<T>(call: Call, work: (shared: Call) => Promise<T>): Promise<T> {
  if (call === unboundedCall) return work(call);
  const group = new GroupCall();
  setMaxListeners(0, group.signal);
  return group.join(call, work(group));
}

/** Records over the server. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class MongoRecords implements RecordDriver<MongoFilter> {
  #store!: MongoStore;
  #afterWrite: () => void = () => undefined;
  #atomically: TransactionDriver<MongoFilter>['run'] | undefined;
  readonly #coalescer = new AsyncCoalescer();
  readonly #reads: Gathered<ReadOp, FoundDocument | undefined>;
  readonly #existing: Gathered<ReadOp, boolean>;
  readonly #writes: Gathered<WriteOp, InfoRow>;
  readonly #removes: Gathered<RemoveOp, boolean>;

  constructor() {
    this.#reads = this.#coalescer.lane({
      write: false,
      run: (ops) => this.#translated('records.retrieve', false, this.#find(ops)),
    });
    this.#existing = this.#coalescer.lane({
      write: false,
      run: (ops) => this.#translated('records.exists', false, this.#look(ops)),
    });
    this.#writes = this.#coalescer.lane({
      write: true,
      run: (ops) =>
        this.#translated(
          'records.store',
          true,
          this.#again(() => this.#write(ops)),
        ),
    });
    this.#removes = this.#coalescer.lane({
      write: true,
      run: (ops) =>
        this.#translated(
          'records.delete',
          true,
          this.#again(() => this.#remove(ops)),
        ),
    });
  }

  /** Gives it a store to work on: no call comes before. `atomically`: runs steps in one transaction, where there are any. */
  attach(store: MongoStore, afterWrite: () => void, atomically?: TransactionDriver<MongoFilter>['run']): void {
    this.#store = store;
    this.#afterWrite = afterWrite;
    this.#atomically = atomically;
  }

  /** All or none, in order. */
  async #allOrNone<T>(steps: readonly TransactionStep[], call: Call): Promise<readonly RowOutcome<T>[]> {
    const results = (await this.#atomically?.(steps, call)) ?? [];
    return results.map((value) => ({ ok: true, value: value as T }));
  }

  #again<T>(work: () => Promise<T>): Promise<T> {
    return againOf(this.#store)(work);
  }

  /** A lane's work with the errors of this library: the coalescer goes by their codes. */
  async #translated<T>(operation: string, write: boolean, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw translateFor(this.#store)(error, { operation, key: undefined, write });
    }
  }

  async #settle<T>(operation: string, key: string, work: Promise<T>): Promise<RowOutcome<T>> {
    try {
      return { ok: true, value: await work };
    } catch (error) {
      return { ok: false, error: translateFor(this.#store)(error, { operation, key, write: true }) };
    }
  }

  async #find(ops: readonly ReadOp[]): Promise<readonly RowOutcome<FoundDocument | undefined>[]> {
    const { records, now } = this.#store;
    const ids = ops.map(({ ns, key }) => idOf(ns, key));
    const found = new Map<string, FoundDocument>();
    const [only] = ids;
    if (only !== undefined && ids.length === 1) {
      const document = await records.findOne({ _id: only }, { projection: wholeProjection });
      if (document !== null) found.set(only, document);
    } else {
      // What is larger than one reply comes in several.
      const options = { projection: wholeProjection, batchSize: ids.length + 1 };
      for (const document of await records.find({ _id: { $in: ids } }, options).toArray())
        found.set(document._id, document);
    }
    const present = now();
    return ids.map((id) => {
      const document = found.get(id);
      return { ok: true, value: document !== undefined && isLive(document, present) ? document : undefined };
    });
  }

  async #look(ops: readonly ReadOp[]): Promise<readonly RowOutcome<boolean>[]> {
    const { records, now } = this.#store;
    const ids = ops.map(({ ns, key }) => idOf(ns, key));
    const cursor = records.find({ _id: { $in: ids }, expiresAt: live(now()) }, { projection: { _id: 1 } });
    const found = new Set((await cursor.toArray()).map(({ _id }) => _id));
    return ids.map((id) => ({ ok: true, value: found.has(id) }));
  }

  async #write(ops: readonly WriteOp[]): Promise<readonly RowOutcome<InfoRow>[]> {
    const [first] = ops;
    const outcomes: readonly RowOutcome<InfoRow>[] =
      first !== undefined && ops.length === 1
        ? [{ ok: true, value: await writeRow(this.#store, first.ns, first.row) }]
        : await writeBatch(this.#store, ops);
    this.#afterWrite();
    return outcomes;
  }

  async #remove(ops: readonly RemoveOp[]): Promise<readonly RowOutcome<boolean>[]> {
    const [first] = ops;
    const outcomes: readonly RowOutcome<boolean>[] =
      first !== undefined && ops.length === 1
        ? [{ ok: true, value: await this.#again(() => removeOne(this.#store, first.ns, first.key, undefined)) }]
        : await removeBatch(this.#store, ops);
    this.#afterWrite();
    return outcomes;
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    const found = await this.#reads(recordId(ns, key), { ns, key }, call);
    return found && this.#toRow(found);
  }

  /** Those who asked together for the same bytes get a copy each. */
  async #toRow(document: FoundDocument): Promise<RecordRow> {
    const { file } = document;
    if (file === undefined) return toRecordRow(document);
    const info = toInfoRow(document);
    return { ...info, content: await readBytes(this.#store, info.key, file, info.size) };
  }

  readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    return together(call, (shared) => Promise.all(keys.map((key) => this.read(ns, key, shared))));
  }

  exists(ns: string, key: string, call: Call): Promise<boolean> {
    return this.#existing(recordId(ns, key), { ns, key }, call);
  }

  async write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { content, condition, key, size } = row;
    if (typeof content === 'string') {
      if (size > jsonBytes) throw tooMuchJson(size);
    } else if (size > inlineBytes) {
      return this.writeStream(ns, row, slices(new Uint8Array(content)), call);
    }
    if (condition === undefined) return this.#writes(recordId(ns, key), { ns, row: ownRow(row) }, call);
    const own = ownRow(row);
    return this.#behind(ns, key, call, () => writeRow(this.#store, ns, own));
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    if (atomic && this.#atomically !== undefined)
      return this.#allOrNone(
        rows.map((row) => ({ type: 'write', ns, row: ownRow(row) })),
        call,
      );
    return together(call, (shared) =>
      Promise.all(rows.map((row) => this.#settle('records.storeMany', row.key, this.write(ns, row, shared)))),
    );
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const there =
      etag === undefined
        ? await this.#removes(recordId(ns, key), { ns, key }, call)
        : await this.#behind(ns, key, call, () => removeOne(this.#store, ns, key, etag));
    return there || !report;
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    if (atomic && this.#atomically !== undefined)
      return this.#allOrNone(
        keys.map((key) => ({ type: 'remove', ns, key, etag: undefined, report: true })),
        call,
      );
    return together(call, (shared) =>
      Promise.all(
        keys.map((key) => this.#settle('records.deleteMany', key, this.remove(ns, key, undefined, true, shared))),
      ),
    );
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    return this.#behind(ns, key, call, async () => {
      const { records, now } = this.#store;
      const present = now();
      const { matchedCount } = await records.updateOne(
        { _id: idOf(ns, key), expiresAt: live(present) },
        ttlMs === null ? { $unset: { expiresAt: true } } : { $set: { expiresAt: new Date(present + ttlMs) } },
      );
      return matchedCount > 0;
    });
  }

  writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    return writeStream(this.#store, { ns, head, chunks, call }, (task) => this.#behind(ns, head.key, call, task));
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    return this.#coalescer.after(recordId(ns, key), call, () => readStream(this.#store, { ns, key, range }));
  }

  compile(filter: FilterNode): CompiledFilter<MongoFilter> {
    return compileMongoFilter(filter);
  }

  page(
    ns: string,
    request: PageRequest<MongoFilter> & { readonly include: 'rows' },
    call: Call,
  ): Promise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<MongoFilter> & { readonly include: 'keys' | 'info' },
    call: Call,
  ): Promise<RowPage<InfoRow>>;
  async page(ns: string, request: PageRequest<MongoFilter>, call: Call): Promise<RowPage<InfoRow>> {
    const { rows, more } = await this.behindAll(call, () => pageDocuments(this.#store, ns, request, call));
    if (request.include !== 'rows') return { rows: rows.map(toInfoRow), more };
    return { rows: await Promise.all(rows.map((row) => this.#toRow(row))), more };
  }

  count(ns: string, prefix: string, filter: MongoFilter | undefined, _estimate: boolean, call: Call): Promise<number> {
    return this.behindAll(call, () => countDocuments(this.#store, ns, prefix, filter, call));
  }

  removeWhere(ns: string, filter: MongoFilter | undefined, call: Call): Promise<number> {
    return this.behindAll(call, () => this.#again(() => removeWhere(this.#store, ns, filter)));
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    return this.behindAll(call, () => listNamespaces(this.#store, ns, request));
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.behindAll(call, () => dropNamespace(this.#store, ns, recursive, call));
  }

  /** Runs behind the calls on a key, and before those that come later. */
  async #behind<T>(ns: string, key: string, call: Call, task: () => Promise<T>): Promise<T> {
    const result = await this.#coalescer.after(recordId(ns, key), call, () => this.#again(task));
    this.#afterWrite();
    return result;
  }

  /** Runs behind every write that was called before. */
  behindAll<T>(call: Call, task: () => Promise<T>): Promise<T> {
    return this.#coalescer.after(undefined, call, task);
  }
}

function tooMuchJson(actual: number): StorageError {
  return new StorageError({
    code: 'too_large',
    message: `The value has ${actual} bytes of JSON; MongoDB takes at most ${jsonBytes} in one document beside what filters need. Store it as bytes, or split it.`,
    applied: 'no',
    details: { limit: jsonBytes, actual },
  });
}
