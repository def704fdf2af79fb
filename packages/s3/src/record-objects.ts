import {
  alreadyExists,
  type Call,
  conflict,
  type InfoRow,
  type RecordRow,
  type WriteCondition,
  type WriteHead,
} from '@storage/backend-kit';
import { lostAnswer } from './s3-errors.ts';
import { decodeInfo, encodeInfo, type Headers, keptOf } from './s3-headers.ts';
import { expiryTag } from './s3-lifecycle.ts';
import { refusedCondition, type S3Body, type S3Object, type S3Objects } from './s3-objects.ts';
import type { S3Settings } from './s3-options.ts';
import type { Attempts } from './s3-wire.ts';
import type { ServerClock } from './server-clock.ts';

/** How often a write is tried whose condition holds, and that the server refuses all the same. */
export const maxAttempts = 10;
const dayMs = 86_400_000;

/** A record with the object that it is. */
export interface FoundRecord {
  readonly object: S3Object;
  readonly row: InfoRow;
}

/** Records as objects: what of a record stands in an object's headers, and what conditions on one mean for the other. */
export class RecordObjects {
  readonly objects: S3Objects;
  readonly #settings: S3Settings;
  readonly #clock: ServerClock;
  readonly #conditional: boolean;

  constructor(objects: S3Objects, settings: S3Settings, clock: ServerClock) {
    this.objects = objects;
    this.#settings = settings;
    this.#clock = clock;
    this.#conditional = settings.conditional.has('write');
  }

  /** What is known of a record that is written now. */
  infoOf(head: WriteHead, size: number): InfoRow {
    const { key, kind, etag, ttlMs, contentType, metadata } = head;
    const now = this.#clock.now();
    const expiresAt = ttlMs === null ? null : now + ttlMs;
    return { key, kind, etag, createdAt: undefined, updatedAt: now, expiresAt, size, contentType, metadata };
  }

  /** Where there are no conditional writes there are no etags. */
  shown(row: InfoRow): InfoRow {
    return this.#conditional ? row : { ...row, etag: '' };
  }

  headersOf(info: InfoRow, ttlMs: number | null): Headers {
    const { lifecycle } = this.#settings;
    const days = ttlMs === null ? undefined : lifecycle.find((day) => day * dayMs >= ttlMs);
    return { ...encodeInfo(info), ...(days !== undefined && { 'x-amz-tagging': `${expiryTag}=${days}` }) };
  }

  /** The headers of an object with another expiry, those of other tools included. */
  touchedHeaders({ headers, size }: S3Object, ttlMs: number | null): Headers {
    const info = decodeInfo('', headers, size);
    const expiresAt = ttlMs === null ? null : this.#clock.now() + ttlMs;
    return { ...keptOf(headers), ...this.headersOf({ ...info, expiresAt }, ttlMs) };
  }

  /** The record that an object is; `undefined` when it is expired. */
  live(key: string, { headers, size }: S3Object): InfoRow | undefined {
    const row = decodeInfo(key, headers, size);
    return row.expiresAt !== null && row.expiresAt <= this.#clock.now() ? undefined : this.shown(row);
  }

  async read(name: string, key: string, call: Call): Promise<RecordRow | undefined> {
    const object = await this.objects.get(name, call);
    const row = object && this.live(key, object);
    return object && row && { ...row, content: contentOf(row, object) };
  }

  async head(name: string, key: string, call: Call): Promise<FoundRecord | undefined> {
    const object = await this.objects.head(name, call);
    const row = object && this.live(key, object);
    return object && row && { object, row };
  }

  /** The record, which has to have this etag. */
  async match(name: string, key: string, etag: string, call: Call): Promise<FoundRecord> {
    const found = await this.head(name, key, call);
    if (found?.row.etag !== etag) throw conflict(key);
    return found;
  }

  /** What lets a rewrite of this object happen only while it is what it was. Nothing where the server does not look at it. */
  guard({ tag }: S3Object, condition: 'write' | 'stream'): Headers {
    return this.#settings.conditional.has(condition) ? { 'if-match': tag } : {};
  }

  /**
   * Sends a write under its condition; `send` gets the headers that guard it. The server's ETag guards only the moment between the look
   * at the record's etag and the write. A write whose answer was lost is known by its own etag.
   */
  async publish(
    name: string,
    head: WriteHead,
    call: Call,
    send: (guard: Headers, attempts: Attempts) => Promise<void>,
  ): Promise<void> {
    const { key, condition, etag } = head;
    const attempts: Attempts = { uncertain: false };
    if (condition === undefined) return this.#publishFreely(name, key, etag, call, attempts, send);
    let guard: Headers =
      condition.type === 'match'
        ? { 'if-match': (await this.match(name, key, condition.etag, call)).object.tag }
        : { 'if-none-match': '*' };
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      try {
        return await send(guard, attempts);
      } catch (error) {
        if (!refusedCondition(error)) throw error;
      }
      const object = await this.objects.head(name, call);
      if (isOwn(object, etag)) return;
      if (attempts.uncertain) throw lostAnswer(key);
      this.#assertHolds(condition, key, object && this.live(key, object));
      // It is as the condition wants it: gone, expired, or rewritten with the same etag.
      guard = object === undefined ? { 'if-none-match': '*' } : { 'if-match': object.tag };
    }
    throw condition.type === 'match' ? conflict(key) : alreadyExists(key);
  }

  /** An upload that is gone when its completion is asked for again was completed the first time. */
  async #publishFreely(
    name: string,
    key: string,
    etag: string,
    call: Call,
    attempts: Attempts,
    send: (guard: Headers, attempts: Attempts) => Promise<void>,
  ): Promise<void> {
    try {
      return await send({}, attempts);
    } catch (error) {
      if (!attempts.uncertain || !refusedCondition(error)) throw error;
    }
    if (!isOwn(await this.objects.head(name, call), etag)) throw lostAnswer(key);
  }

  /** Removes an object that is an expired record; answers whether it was one. */
  async removeExpired(name: string, call: Call): Promise<boolean> {
    const object = await this.objects.head(name, call);
    if (object === undefined || this.live('', object) !== undefined) return false;
    try {
      await this.objects.remove(name, call, this.#settings.conditional.has('delete') ? { 'if-match': object.tag } : {});
      return true;
    } catch (error) {
      if (refusedCondition(error)) return false;
      throw error;
    }
  }

  #assertHolds(condition: WriteCondition, key: string, row: InfoRow | undefined): void {
    if (condition.type === 'match' && row?.etag !== condition.etag) throw conflict(key);
    if (condition.type === 'absent' && row !== undefined) throw alreadyExists(key, row.etag);
  }
}

/** Whether an object is what the writer with this etag wrote. */
function isOwn(object: S3Object | undefined, etag: string): boolean {
  return object !== undefined && decodeInfo('', object.headers, object.size).etag === etag;
}

function contentOf({ kind }: InfoRow, { body }: S3Body): string | Uint8Array {
  return kind === 'json' ? body.toString('utf8') : new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}
