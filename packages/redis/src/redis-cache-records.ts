import {
  AsyncCoalescer,
  type Call,
  type CompiledFilter,
  type Gathered,
  type InfoRow,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  recordId,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { encodePlain, parsePlain, plainInfo } from './redis-cache-rows.ts';
import { RedisCacheScans } from './redis-cache-scans.ts';
import { asStorageError, inSteps, type RedisEngine, reconnectMs } from './redis-engine.ts';
import { assertOk, isLost, listOf } from './redis-errors.ts';
import { ownRow } from './redis-records.ts';
import { scripts } from './redis-scripts.ts';
import { type RemoveOp, refusalOf, type WriteOp } from './redis-writes.ts';

interface ReadOp {
  readonly ns: string;
  readonly key: string;
}

/** Records without an index: each one string, so that a write is a SET and a read a GET. No lists and no queries. */
export class RedisCacheRecords implements RecordDriver<never> {
  readonly #clock: () => number;
  readonly #coalescer = new AsyncCoalescer();
  readonly #read: Gathered<ReadOp, RecordRow | undefined>;
  readonly #write: Gathered<WriteOp, InfoRow>;
  readonly #remove: Gathered<RemoveOp, boolean>;
  #engine: RedisEngine | undefined;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.#read = this.#coalescer.lane<ReadOp, RecordRow | undefined>({
      write: false,
      run: async (batch, call) => {
        try {
          return (await this.#readAll(batch)).map((value) => ({ ok: true, value }));
        } catch (error) {
          throw await this.#there.readFailed(error, call);
        }
      },
    });
    this.#write = this.#coalescer.lane<WriteOp, InfoRow>({ write: true, run: (batch) => this.#store(batch) });
    this.#remove = this.#coalescer.lane<RemoveOp, boolean>({ write: true, run: (batch) => this.#removeAll(batch) });
  }

  attach(engine: RedisEngine): void {
    this.#engine = engine;
  }

  get #there(): RedisEngine {
    if (this.#engine === undefined) throw new Error('The records are used before the backend is open.');
    return this.#engine;
  }

  #name(ns: string, key: string): string {
    return this.#there.layout.bucketOf(ns, key).records + key;
  }

  async #readAll(places: readonly ReadOp[]): Promise<(RecordRow | undefined)[]> {
    const { connection, layout } = this.#there;
    const [first] = places;
    if (first !== undefined && places.length === 1) {
      const bytes = (await connection.bytes('get', [this.#name(first.ns, first.key)])) as Buffer | null;
      return [parsePlain(first.key, bytes)];
    }
    const rows = new Array<RecordRow | undefined>(places.length);
    await Promise.all(
      inSteps(places, ({ ns, key }) => layout.bucketOf(ns, key)).map(async (step) => {
        const names = step.members.map(({ key }) => step.bucket.records + key);
        const found = listOf<Buffer | null>(await connection.bytes('mget', names));
        for (const [index, place] of step.places.entries())
          rows[place] = parsePlain(step.members[index]?.key ?? '', found[index] ?? null);
      }),
    );
    return rows;
  }

  /** Unconditional writes: those without an expiry by MSET, a step at a time. */
  async #store(ops: readonly WriteOp[]): Promise<RowOutcome<InfoRow>[]> {
    const { connection, layout } = this.#there;
    const now = this.#clock();
    const outcomes = new Array<RowOutcome<InfoRow>>(ops.length);
    const done = (places: readonly number[], error?: unknown): void => {
      for (const place of places) {
        const op = ops[place] as WriteOp;
        outcomes[place] =
          error === undefined
            ? { ok: true, value: plainInfo(op.row, now) }
            : { ok: false, error: asStorageError(error, 'records.store', true) };
      }
    };
    const steps = inSteps(
      ops,
      ({ ns, row }) => layout.bucketOf(ns, row.key),
      ({ row }) => row.size,
    );
    await Promise.all(
      steps.flatMap(({ bucket, members, places }) => {
        const lasting = places.filter((_, index) => members[index]?.row.ttlMs === null);
        const sent = [];
        if (lasting.length > 1) {
          const args = lasting.flatMap((place) => {
            const { row } = ops[place] as WriteOp;
            return [bucket.records + row.key, encodePlain(row, now)];
          });
          sent.push(settle(connection.command('mset', args), (error) => done(lasting, error)));
        }
        for (const [index, place] of places.entries()) {
          const { row } = members[index] as WriteOp;
          if (row.ttlMs === null && lasting.length > 1) continue;
          const args = [bucket.records + row.key, encodePlain(row, now)];
          if (row.ttlMs !== null) args.push('PX', row.ttlMs);
          sent.push(settle(connection.command('set', args), (error) => done([place], error)));
        }
        return sent;
      }),
    );
    return outcomes;
  }

  async #removeAll(ops: readonly RemoveOp[]): Promise<RowOutcome<boolean>[]> {
    const { connection } = this.#there;
    return Promise.all(
      ops.map(async ({ ns, key }): Promise<RowOutcome<boolean>> => {
        try {
          return { ok: true, value: (await connection.command('del', [this.#name(ns, key)])) === 1 };
        } catch (error) {
          return { ok: false, error: asStorageError(error, 'records.delete', true) };
        }
      }),
    );
  }

  read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    return this.#read(recordId(ns, key), { ns, key }, call);
  }

  readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    return this.#coalescer.after(undefined, call, () => this.#readAll(keys.map((key) => ({ ns, key }))));
  }

  exists(ns: string, key: string, call: Call): Promise<boolean> {
    return this.#coalescer.after(
      recordId(ns, key),
      call,
      async () => (await this.#there.connection.command('exists', [this.#name(ns, key)])) === 1,
    );
  }

  write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    this.#there.checkBulk(row.size);
    const id = recordId(ns, row.key);
    const op: WriteOp = { ns, row: ownRow(row) };
    if (row.condition === undefined) return this.#write(id, op, call);
    return this.#coalescer.after(id, call, (task) => this.#writeIf(op, task));
  }

  async #writeIf({ ns, row }: WriteOp, call: Call): Promise<InfoRow> {
    const { condition } = row;
    const now = this.#clock();
    const args = [
      condition?.type === 'absent' ? 'a' : condition?.type === 'match' ? 'm' : '',
      condition?.type === 'match' ? condition.etag : '',
      encodePlain(row, now),
      row.ttlMs ?? '',
    ];
    try {
      const answer = await this.#there.run(scripts.writePlain, [this.#name(ns, row.key)], args);
      if (typeof answer === 'string') throw refusalOf(answer, row.key);
      return plainInfo(row, now);
    } catch (error) {
      const translated = asStorageError(error, 'records.store', true);
      if (!isLost(translated)) throw translated;
      await this.#there.connection.settled(reconnectMs, call);
      const [found] = await this.#readAll([{ ns, key: row.key }]).catch(() => []);
      // It was carried out if its own etag is there.
      if (found?.etag !== row.etag) throw translated;
      const { content: _content, ...info } = found;
      return info;
    }
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    const ops = rows.map((row): WriteOp => ({ ns, row: ownRow(row) }));
    const plain = ops.every(({ row }) => row.condition === undefined && row.size <= this.#there.bulkLimit);
    const once = new Set(rows.map(({ key }) => key)).size === rows.length;
    return this.#coalescer.after(undefined, call, async (task) => {
      if (plain && once) return this.#store(ops);
      const outcomes: RowOutcome<InfoRow>[] = [];
      for (const op of ops) {
        try {
          this.#there.checkBulk(op.row.size);
          outcomes.push({ ok: true, value: await this.#writeIf(op, task) });
        } catch (error) {
          outcomes.push({ ok: false, error: asStorageError(error, 'records.store', true) });
        }
      }
      return outcomes;
    });
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) {
      call.check();
      // The sender may use its buffer again.
      parts.push(chunk.slice());
    }
    const content = Buffer.concat(parts);
    return this.write(ns, { ...head, content, size: content.length }, call);
  }

  async readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const row = await this.read(ns, key, call);
    if (row === undefined) return undefined;
    const bytes = typeof row.content === 'string' ? new TextEncoder().encode(row.content) : row.content;
    const end = range.length === undefined ? bytes.length : range.offset + range.length;
    return { ...row, chunks: oneChunk(bytes.subarray(range.offset, end)) };
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const id = recordId(ns, key);
    if (etag === undefined) return (await this.#remove(id, { ns, key, etag }, call)) || !report;
    return this.#coalescer.after(id, call, async () => {
      const answer = await this.#there.run(scripts.writePlain, [this.#name(ns, key)], ['m', etag]);
      if (typeof answer === 'string') throw refusalOf(answer, key);
      return answer === 1;
    });
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    return this.#coalescer.after(undefined, call, () =>
      this.#removeAll(keys.map((key) => ({ ns, key, etag: undefined }))),
    );
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    return this.#coalescer.after(
      recordId(ns, key),
      call,
      async () => (await this.#there.run(scripts.touchPlain, [this.#name(ns, key)], [ttlMs ?? ''])) === 1,
    );
  }

  compile(): CompiledFilter<never> {
    return { native: undefined, precision: 'superset' };
  }

  page(): never {
    throw new StorageError({ code: 'unsupported', message: 'A cache has no lists; open the store with index: true.' });
  }

  count(ns: string, prefix: string, _filter: never | undefined, _estimate: boolean, call: Call): Promise<number> {
    return this.#coalescer.after(undefined, call, (task) => this.#scans.count(ns, prefix, task));
  }

  removeWhere(ns: string, _filter: never | undefined, call: Call): Promise<number> {
    return this.dropNamespace(ns, false, call);
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    return this.#coalescer.after(undefined, call, (task) => this.#scans.namespaces(ns, request, task));
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.#coalescer.after(undefined, call, (task) => this.#scans.drop(ns, recursive, task));
  }

  get #scans(): RedisCacheScans {
    return new RedisCacheScans(this.#there.connection, this.#there.layout);
  }
}

async function settle(sent: Promise<unknown>, done: (error?: unknown) => void): Promise<void> {
  await sent.then(assertOk).then(
    () => done(),
    (error: unknown) => done(error ?? new Error('The command failed.')),
  );
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
