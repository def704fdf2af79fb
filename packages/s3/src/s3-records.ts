import {
  type Call,
  type CompiledFilter,
  type InfoRow,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  type Translate,
  type WriteCondition,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';
import { fanOut } from './fan-out.ts';
import type { ServerClock } from './server-clock.ts';
import { alreadyExists, conflict, lostAnswer } from './s3-errors.ts';
import { compileS3Filter, type S3Filter } from './s3-filter.ts';
import { decodeInfo, encodeInfo, type Headers, keptOf } from './s3-headers.ts';
import { type ListedKey, S3Lists } from './s3-lists.ts';
import type { S3Names } from './s3-names.ts';
import { refusedCondition, type S3Body, type S3Object, type S3Objects } from './s3-objects.ts';
import type { S3Settings } from './s3-options.ts';
import { type ReadRange, readInPieces, S3Uploads } from './s3-streams.ts';
import type { Attempts } from './s3-wire.ts';

/** The most objects that one request removes. */
const removeLimit = 1000;
/** How often a write is tried whose condition holds, and that the server refuses all the same. */
const maxAttempts = 10;

/** What a write needs to know of the object that is there. */
interface Found {
  readonly object: S3Object;
  readonly row: InfoRow;
}

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
export class S3Records implements RecordDriver<S3Filter> {
  readonly #options: S3RecordsOptions;
  readonly #conditional: boolean;
  #objects!: S3Objects;
  #lists!: S3Lists;
  #uploads!: S3Uploads;

  constructor(options: S3RecordsOptions) {
    this.#options = options;
    this.#conditional = options.settings.conditional.has('write');
  }

  /** The objects to work on: there from `open` on. */
  attach(objects: S3Objects): void {
    this.#objects = objects;
    this.#lists = new S3Lists(objects, this.#options.names);
    this.#uploads = new S3Uploads(objects, this.#options.settings.partBytes);
  }

  get uploads(): S3Uploads {
    return this.#uploads;
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    const found = await this.#objects.get(this.#name(ns, key), call);
    return found === undefined ? undefined : this.#liveRow(key, found);
  }

  async readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    const distinct = [...new Set(keys)];
    for (const key of distinct) this.#name(ns, key);
    const rows = await fanOut(distinct, call, (key, inner) => this.read(ns, key, inner));
    const byKey = new Map(distinct.map((key, index) => [key, rows[index]]));
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
    return (await this.#head(this.#name(ns, key), key, call)) !== undefined;
  }

  async write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { content } = row;
    // A copy: what callers do to their bytes changes nothing that is sent.
    const body = Buffer.from(content as string);
    const info = this.#infoOf(row, row.size);
    const name = this.#name(ns, row.key);
    await this.#publish(name, row, call, (guard, attempts) =>
      this.#objects.put(name, { ...this.#headersOf(info, row.ttlMs), ...guard }, body, call, attempts),
    );
    if (row.ttlMs !== null) this.#options.afterWrite();
    return this.#shown(info);
  }

  async writeMany(
    ns: string,
    rows: readonly WriteRow[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    return this.#each(
      rows,
      (row) => row.key,
      'records.storeMany',
      call,
      (row, inner) => this.write(ns, row, inner),
    );
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const name = this.#name(ns, head.key);
    // One that can't hold is refused before anything is sent.
    if (head.condition?.type === 'match') await this.#matching(name, head.key, head.condition, call);
    const written = await this.#uploads.write(name, chunks, call, {
      headers: (size) => this.#headersOf(this.#infoOf(head, size), head.ttlMs),
      publish: (send) => this.#publish(name, head, call, send),
    });
    if (head.ttlMs !== null) this.#options.afterWrite();
    return this.#shown(decodeInfo(head.key, written.headers, written.size));
  }

  async readStream(
    ns: string,
    key: string,
    range: ReadRange,
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const name = this.#name(ns, key);
    const found = await readInPieces(this.#objects, name, key, range, call);
    const row = found && this.#live(key, found.object);
    return found && row && { ...row, chunks: found.chunks };
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const name = this.#name(ns, key);
    if (etag !== undefined) return this.#removeMatch(name, key, etag, call);
    const there = !report || (await this.#head(name, key, call)) !== undefined;
    if (there) await this.#objects.remove(name, call);
    return there;
  }

  async removeMany(
    ns: string,
    keys: readonly string[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    const there = await this.#each(
      [...new Set(keys)],
      (key) => key,
      'records.deleteMany',
      call,
      async (key, inner) => (await this.#head(this.#name(ns, key), key, inner)) !== undefined,
    );
    const outcomes = new Map([...new Set(keys)].map((key, index) => [key, there[index] as RowOutcome<boolean>]));
    const found = [...outcomes].flatMap(([key, outcome]) => (outcome.ok && outcome.value ? [key] : []));
    const failed = await this.#removeNames(
      found.map((key) => this.#name(ns, key)),
      call,
    );
    for (const key of found) {
      const error = failed.get(this.#name(ns, key));
      if (error !== undefined) outcomes.set(key, this.#failure(error, 'records.deleteMany', key));
    }
    const seen = new Set<string>();
    return keys.map((key) => {
      const outcome = outcomes.get(key) as RowOutcome<boolean>;
      const again = seen.has(key);
      seen.add(key);
      return again && outcome.ok ? { ok: true, value: false } : outcome;
    });
  }

  async touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    const name = this.#name(ns, key);
    const { partBytes } = this.#options.settings;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const found = await this.#head(name, key, call);
      if (found === undefined) return false;
      const expiresAt = ttlMs === null ? null : this.#options.clock.now() + ttlMs;
      const info = decodeInfo(key, found.object.headers, found.object.size);
      const headers = { ...keptOf(found.object.headers), ...this.#headersOf({ ...info, expiresAt }, ttlMs) };
      const guard = { 'if-match': found.object.tag };
      try {
        // Never a copy onto itself, which the server does without looking at the condition.
        if (found.object.size > partBytes) await this.#uploads.rewrite(name, found.object, headers, this.#streamGuard(guard), call);
        else {
          const whole = await this.#objects.get(name, call, this.#conditional ? guard : undefined);
          if (whole === undefined) continue;
          await this.#objects.put(name, { ...headers, ...(this.#conditional && guard) }, whole.body, call);
        }
        if (ttlMs !== null) this.#options.afterWrite();
        return true;
      } catch (error) {
        // It changed meanwhile: what is there now is looked at.
        if (!refusedCondition(error)) throw error;
      }
    }
    throw conflict(key);
  }

  compile(filter: FilterNode): CompiledFilter<S3Filter> {
    return compileS3Filter(filter);
  }

  page(ns: string, request: PageRequest<S3Filter> & { readonly include: 'rows' }, call: Call): Promise<RowPage<RecordRow>>;
  page(ns: string, request: PageRequest<S3Filter> & { readonly include: 'info' }, call: Call): Promise<RowPage<InfoRow>>;
  page(ns: string, request: PageRequest<S3Filter> & { readonly include: 'keys' }, call: Call): Promise<RowPage<ListedKey>>;
  async page(ns: string, request: PageRequest<S3Filter>, call: Call): Promise<RowPage<ListedKey | InfoRow>> {
    const { prefix, filter, limit, include } = request;
    const rows: (ListedKey | InfoRow)[] = [];
    for (let after = request.after?.key; ; ) {
      const page = await this.#lists.keys(ns, prefix, after, filter, limit - rows.length, call);
      if (include === 'keys') return page;
      const read = await fanOut(page.rows, call, async ({ key, name }, inner) =>
        include === 'info' ? (await this.#head(name, key, inner))?.row : this.read(ns, key, inner),
      );
      // What is expired or gone since it was listed is left out, and made up for.
      for (const row of read) if (row !== undefined) rows.push(row);
      after = page.rows.at(-1)?.key;
      if (!page.more || rows.length === limit) return { rows, more: page.more };
    }
  }

  async count(ns: string, prefix: string, filter: S3Filter | undefined, _estimate: boolean, call: Call): Promise<number> {
    let count = 0;
    for await (const keys of this.#lists.pages(ns, prefix, filter, call)) count += keys.length;
    return count;
  }

  async removeWhere(ns: string, filter: S3Filter | undefined, call: Call): Promise<number> {
    let removed = 0;
    for await (const keys of this.#lists.pages(ns, '', filter, call))
      removed += await this.#removeAll(
        keys.map(({ name }) => name),
        call,
      );
    return removed;
  }

  async namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    const { recursive, after, limit } = request;
    const found = recursive ? await this.#lists.descendants(ns, call) : await this.#lists.children(ns, call);
    const from = after === undefined ? 0 : found.indexOf(after) + 1;
    return { rows: found.slice(from, from + limit), more: found.length > from + limit };
  }

  async dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    if (!recursive) return this.removeWhere(ns, undefined, call);
    let removed = 0;
    for await (const names of this.#lists.names(this.#options.names.folder(ns), call))
      removed += await this.#removeAll(names, call);
    return removed;
  }

  /** Looks at an object and removes it when it is expired; answers whether it was. */
  async sweep(name: string, call: Call): Promise<boolean> {
    const object = await this.#objects.head(name, call);
    if (object === undefined || this.#live('', object) !== undefined) return false;
    const guarded = this.#options.settings.conditional.has('delete');
    try {
      await this.#objects.remove(name, call, guarded ? { 'if-match': object.tag } : undefined);
      return true;
    } catch (error) {
      if (refusedCondition(error)) return false;
      throw error;
    }
  }

  #name(ns: string, key: string): string {
    return this.#options.names.name(ns, key);
  }

  #infoOf(head: WriteHead, size: number): InfoRow {
    const { key, kind, etag, ttlMs, contentType, metadata } = head;
    const now = this.#options.clock.now();
    return {
      key,
      kind,
      etag,
      createdAt: undefined,
      updatedAt: now,
      expiresAt: ttlMs === null ? null : now + ttlMs,
      size,
      contentType,
      metadata,
    };
  }

  #headersOf(info: InfoRow, ttlMs: number | null): Headers {
    const { lifecycle } = this.#options.settings;
    const days = ttlMs === null ? undefined : lifecycle.find((day) => day * 86_400_000 >= ttlMs);
    return { ...encodeInfo(info), ...(days !== undefined && { 'x-amz-tagging': `storage-expires-days=${days}` }) };
  }

  #live(key: string, object: S3Object): InfoRow | undefined {
    const row = decodeInfo(key, object.headers, object.size);
    if (row.expiresAt !== null && row.expiresAt <= this.#options.clock.now()) return undefined;
    return this.#shown(row);
  }

  /** Where there are no conditional writes there are no etags. */
  #shown(row: InfoRow): InfoRow {
    return this.#conditional ? row : { ...row, etag: '' };
  }

  #liveRow(key: string, object: S3Body): RecordRow | undefined {
    const row = this.#live(key, object);
    if (row === undefined) return undefined;
    const { body } = object;
    const content =
      row.kind === 'json'
        ? body.toString('utf8')
        : new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength);
    return { ...row, content };
  }

  async #head(name: string, key: string, call: Call): Promise<Found | undefined> {
    const object = await this.#objects.head(name, call);
    const row = object && this.#live(key, object);
    return object && row && { object, row };
  }

  async #matching(name: string, key: string, { etag }: WriteCondition & { type: 'match' }, call: Call): Promise<Found> {
    const found = await this.#head(name, key, call);
    if (found?.row.etag !== etag) throw conflict(key);
    return found;
  }

  #streamGuard(guard: Headers): Headers {
    return this.#options.settings.conditional.has('stream') ? guard : {};
  }

  /** Sends a write under its condition: `send` gets the headers that guard it. A write whose answer was lost is found by its own etag. */
  async #publish(
    name: string,
    head: WriteHead,
    call: Call,
    send: (guard: Headers, attempts: Attempts) => Promise<void>,
  ): Promise<void> {
    const { key, condition, etag } = head;
    const attempts: Attempts = { uncertain: false };
    if (condition === undefined) return send({}, attempts);
    let guard: Headers =
      condition.type === 'match'
        ? { 'if-match': (await this.#matching(name, key, condition, call)).object.tag }
        : { 'if-none-match': '*' };
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      try {
        return await send(guard, attempts);
      } catch (error) {
        if (!refusedCondition(error)) throw error;
      }
      const object = await this.#objects.head(name, call);
      if (object !== undefined && decodeInfo(key, object.headers, object.size).etag === etag) return;
      if (attempts.uncertain) throw lostAnswer(key);
      const row = object && this.#live(key, object);
      if (condition.type === 'match' && row?.etag !== condition.etag) throw conflict(key);
      if (condition.type === 'absent' && row !== undefined) throw alreadyExists(key, row.etag);
      // It is as the condition wants it: gone, expired, or rewritten with the same etag.
      guard = object === undefined ? { 'if-none-match': '*' } : { 'if-match': object.tag };
    }
    throw condition.type === 'match' ? conflict(key) : alreadyExists(key, '');
  }

  async #removeMatch(name: string, key: string, etag: string, call: Call): Promise<boolean> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const found = await this.#matching(name, key, { type: 'match', etag }, call);
      try {
        await this.#objects.remove(name, call, { 'if-match': found.object.tag });
        return true;
      } catch (error) {
        if (!refusedCondition(error)) throw error;
      }
    }
    throw conflict(key);
  }

  async #removeAll(names: readonly string[], call: Call): Promise<number> {
    const failed = await this.#removeNames(names, call);
    for (const error of failed.values()) throw error;
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

  /** Does something for each member; those of one key in their order. */
  async #each<T, R>(
    members: readonly T[],
    keyOf: (member: T) => string,
    operation: string,
    call: Call,
    work: (member: T, call: Call) => Promise<R>,
  ): Promise<readonly RowOutcome<R>[]> {
    const byKey = new Map<string, number[]>();
    for (const [index, member] of members.entries()) {
      const same = byKey.get(keyOf(member));
      if (same === undefined) byKey.set(keyOf(member), [index]);
      else same.push(index);
    }
    const outcomes = new Array<RowOutcome<R>>(members.length);
    await fanOut([...byKey.values()], call, async (indexes, inner) => {
      for (const index of indexes) {
        const member = members[index] as T;
        try {
          outcomes[index] = { ok: true, value: await work(member, inner) };
        } catch (error) {
          call.check();
          outcomes[index] = this.#failure(error, operation, keyOf(member));
        }
      }
    });
    return outcomes;
  }

  #failure(error: unknown, operation: string, key: string): { readonly ok: false; readonly error: ReturnType<Translate> } {
    return { ok: false, error: this.#options.translate(error, { operation, key, write: true }) };
  }
}
