import {
  type Call,
  type CompiledFilter,
  compileKeyFilter,
  conflict,
  type InfoRow,
  type KeyFilter,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  type Translate,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';
import { fanOut } from './fan-out.ts';
import { failureOf, outcomesOf } from './outcomes.ts';
import { maxAttempts, RecordObjects } from './record-objects.ts';
import { decodeInfo } from './s3-headers.ts';
import { type ListedKey, S3Lists } from './s3-lists.ts';
import type { S3Names } from './s3-names.ts';
import { refusedCondition, type S3Objects } from './s3-objects.ts';
import type { S3Settings } from './s3-options.ts';
import { type ReadRange, readInPieces } from './s3-reads.ts';
import { S3Uploads } from './s3-uploads.ts';
import type { ServerClock } from './server-clock.ts';

/** The most objects that one request removes. */
const removeLimit = 1000;

/** What records need beside the client. */
export interface S3RecordsOptions {
  readonly settings: S3Settings;
  readonly clock: ServerClock;
  readonly names: S3Names;
  readonly translate: Translate;
  /** Told of every write that expires. */
  readonly afterWrite: () => void;
}

/** Records as objects. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class S3Records implements RecordDriver<KeyFilter> {
  readonly #options: S3RecordsOptions;
  #records!: RecordObjects;
  #objects!: S3Objects;
  #lists!: S3Lists;
  #uploads!: S3Uploads;

  constructor(options: S3RecordsOptions) {
    this.#options = options;
  }

  /** The objects to work on: there from `open` on. */
  attach(objects: S3Objects): void {
    const { settings, clock, names } = this.#options;
    this.#objects = objects;
    this.#records = new RecordObjects(objects, settings, clock);
    this.#lists = new S3Lists(objects, names);
    this.#uploads = new S3Uploads(objects, settings.partBytes);
  }

  /** Removes an object that is an expired record; answers whether it was one. */
  removeExpired(name: string, call: Call): Promise<boolean> {
    return this.#records.removeExpired(name, call);
  }

  /** Waits for what goes on behind calls that have ended. */
  async close(): Promise<void> {
    await this.#uploads.close();
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    return this.#records.read(this.#name(ns, key), key, call);
  }

  async readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    const distinct = [...new Set(keys)];
    const rows = await fanOut(distinct, call, (key, inner) => this.read(ns, key, inner));
    const byKey = new Map(distinct.map((key, index) => [key, rows[index]]));
    if (distinct.length === keys.length) return rows;
    const given = new Set<string>();
    return keys.map((key) => {
      const row = byKey.get(key);
      const again = given.has(key);
      given.add(key);
      // The same bytes are not handed out twice.
      return again && row !== undefined && typeof row.content !== 'string'
        ? { ...row, content: row.content.slice() }
        : row;
    });
  }

  async exists(ns: string, key: string, call: Call): Promise<boolean> {
    return (await this.#records.head(this.#name(ns, key), key, call)) !== undefined;
  }

  async write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { content, key, size, ttlMs } = row;
    // A copy: what callers do to their bytes changes nothing that is sent.
    const body = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
    const records = this.#records;
    const name = this.#name(ns, key);
    const info = records.infoOf(row, size);
    const headers = records.headersOf(info, ttlMs);
    await records.publish(name, row, call, (guard, attempts) =>
      this.#objects.put(name, { ...headers, ...guard }, body, call, attempts),
    );
    if (ttlMs !== null) this.#options.afterWrite();
    return records.shown(info);
  }

  async writeMany(
    ns: string,
    rows: readonly WriteRow[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    const failure = failureOf(this.#options.translate, 'records.storeMany');
    return outcomesOf(
      rows,
      ({ key }) => key,
      call,
      failure,
      (row, inner) => this.write(ns, row, inner),
    );
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const { key, condition, ttlMs } = head;
    const records = this.#records;
    const name = this.#name(ns, key);
    // One that can't hold is refused before anything is sent.
    if (condition?.type === 'match') await records.match(name, key, condition.etag, call);
    const { headers, size } = await this.#uploads.write(name, chunks, call, {
      headers: (known) => records.headersOf(records.infoOf(head, known), ttlMs),
      publish: (send) => records.publish(name, head, call, send),
    });
    if (ttlMs !== null) this.#options.afterWrite();
    return records.shown(decodeInfo(key, headers, size));
  }

  async readStream(
    ns: string,
    key: string,
    range: ReadRange,
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const found = await readInPieces(this.#objects, this.#name(ns, key), key, range, call);
    const row = found && this.#records.live(key, found.object);
    return found && row && { ...row, chunks: found.chunks };
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const name = this.#name(ns, key);
    if (etag !== undefined) return this.#removeMatch(name, key, etag, call);
    const there = !report || (await this.#records.head(name, key, call)) !== undefined;
    if (there) await this.#objects.remove(name, call);
    return there;
  }

  async removeMany(
    ns: string,
    keys: readonly string[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    const failure = failureOf(this.#options.translate, 'records.deleteMany');
    const distinct = [...new Set(keys)];
    const looked = await outcomesOf<string, boolean>(
      distinct,
      (key) => key,
      call,
      failure,
      (key, inner) => this.exists(ns, key, inner),
    );
    const outcomes = new Map<string, RowOutcome<boolean>>();
    const byName = new Map<string, string>();
    for (const [index, key] of distinct.entries()) {
      const outcome = looked[index] as RowOutcome<boolean>;
      outcomes.set(key, outcome);
      if (outcome.ok && outcome.value) byName.set(this.#name(ns, key), key);
    }
    for (const [name, error] of await this.#removeNames([...byName.keys()], call)) {
      const key = byName.get(name);
      if (key !== undefined) outcomes.set(key, failure(error, key));
    }
    return keys.map((key) => {
      const outcome = outcomes.get(key) as RowOutcome<boolean>;
      // Of a key that stands twice, the first delete found it.
      if (outcome.ok) outcomes.set(key, { ok: true, value: false });
      return outcome;
    });
  }

  async touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    const name = this.#name(ns, key);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      try {
        const there = await this.#touchOnce(name, key, ttlMs, call);
        if (there && ttlMs !== null) this.#options.afterWrite();
        return there;
      } catch (error) {
        // It changed meanwhile: what is there now is looked at.
        if (!refusedCondition(error)) throw error;
      }
    }
    throw conflict(key);
  }

  compile(filter: FilterNode): CompiledFilter<KeyFilter> {
    return compileKeyFilter('s3', filter);
  }

  page(
    ns: string,
    request: PageRequest<KeyFilter> & { readonly include: 'rows' },
    call: Call,
  ): Promise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<KeyFilter> & { readonly include: 'info' },
    call: Call,
  ): Promise<RowPage<InfoRow>>;
  page(
    ns: string,
    request: PageRequest<KeyFilter> & { readonly include: 'keys' },
    call: Call,
  ): Promise<RowPage<ListedKey>>;
  async page(ns: string, request: PageRequest<KeyFilter>, call: Call): Promise<RowPage<ListedKey | InfoRow>> {
    const { prefix, filter, limit, include } = request;
    const rows: InfoRow[] = [];
    for (let after = request.after?.key; ; ) {
      const page = await this.#lists.keys(ns, prefix, after, filter, limit - rows.length, call);
      if (include === 'keys') return page;
      const read = await fanOut(page.rows, call, async ({ key, name }, inner) =>
        include === 'info'
          ? (await this.#records.head(name, key, inner))?.row
          : await this.#records.read(name, key, inner),
      );
      // What is expired or gone since it was listed is left out, and made up for.
      for (const row of read) if (row !== undefined) rows.push(row);
      after = page.rows.at(-1)?.key;
      if (!page.more || rows.length === limit) return { rows, more: page.more };
    }
  }

  async count(
    ns: string,
    prefix: string,
    filter: KeyFilter | undefined,
    _estimate: boolean,
    call: Call,
  ): Promise<number> {
    let count = 0;
    for await (const keys of this.#lists.pages(ns, prefix, filter, call)) count += keys.length;
    return count;
  }

  async removeWhere(ns: string, filter: KeyFilter | undefined, call: Call): Promise<number> {
    let removed = 0;
    for await (const keys of this.#lists.pages(ns, '', filter, call)) {
      const names = keys.map(({ name }) => name);
      removed += await this.#removeAll(names, call);
    }
    return removed;
  }

  async namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    const { recursive, after, limit } = request;
    return this.#lists.namespaces(ns, recursive, after, limit, call);
  }

  async dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    if (!recursive) return this.removeWhere(ns, undefined, call);
    let removed = 0;
    for await (const names of this.#lists.names(this.#options.names.folder(ns), call))
      removed += await this.#removeAll(names, call);
    return removed;
  }

  #name(ns: string, key: string): string {
    return this.#options.names.name(ns, key);
  }

  /** Writes the object anew with another expiry. Never by a copy onto itself, which servers make without looking at the condition. */
  async #touchOnce(name: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    const records = this.#records;
    const found = await records.head(name, key, call);
    if (found === undefined) return false;
    const { object } = found;
    if (object.size > this.#options.settings.partBytes) {
      const headers = records.touchedHeaders(object, ttlMs);
      await this.#uploads.rewrite(name, object, headers, records.guard(object, 'stream'), call);
      return true;
    }
    const whole = await this.#objects.get(name, call);
    if (whole === undefined || records.live(key, whole) === undefined) return false;
    const headers = { ...records.touchedHeaders(whole, ttlMs), ...records.guard(whole, 'write') };
    await this.#objects.put(name, headers, whole.body, call);
    return true;
  }

  async #removeMatch(name: string, key: string, etag: string, call: Call): Promise<boolean> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { object } = await this.#records.match(name, key, etag, call);
      try {
        await this.#objects.remove(name, call, { 'if-match': object.tag });
        return true;
      } catch (error) {
        if (!refusedCondition(error)) throw error;
      }
    }
    throw conflict(key);
  }

  async #removeAll(names: readonly string[], call: Call): Promise<number> {
    for (const error of (await this.#removeNames(names, call)).values()) throw error;
    return names.length;
  }

  async #removeNames(names: readonly string[], call: Call): Promise<ReadonlyMap<string, unknown>> {
    const failed = new Map<string, unknown>();
    for (let at = 0; at < names.length; at += removeLimit) {
      call.check();
      const errors = await this.#objects.removeMany(names.slice(at, at + removeLimit), call);
      for (const [name, error] of errors) failed.set(name, error);
    }
    return failed;
  }
}
