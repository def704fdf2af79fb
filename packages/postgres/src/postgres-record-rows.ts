import {
  alreadyExists,
  type Call,
  conflict,
  type InfoRow,
  type RecordRow,
  replacedError,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import { type NamedText, type PostgresTexts, recordKinds, toInfoRow } from '@storage/sql';
import type { PostgresSession, Row } from '@storage/sql/pg';

/** Beyond every chunk. */
const behindAll = Number.MAX_SAFE_INTEGER;

/** A plain view of bytes that nobody else sees: the driver cuts small ones out of a block that they share. */
export function toBytes(value: unknown): Uint8Array {
  const { buffer, byteOffset, byteLength } = value as Uint8Array;
  const own = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return buffer.byteLength === byteLength ? own : own.slice();
}

/** What is known of a record that was written. */
export function written(head: WriteHead, size: number, times: Row): InfoRow {
  const { key, kind, etag, contentType, metadata } = head;
  const [createdAt, updatedAt, expiresAt] = times as readonly [number, number, number | null];
  return { key, kind, etag, createdAt, updatedAt, expiresAt, size, contentType, metadata };
}

/** The point work on records. Expiry is judged by the server's clock, unless there is one of ours. */
export class PostgresRecordRows {
  readonly session: PostgresSession;
  readonly texts: PostgresTexts;
  readonly #clock: (() => number) | undefined;

  constructor(session: PostgresSession, texts: PostgresTexts, clock: (() => number) | undefined) {
    this.session = session;
    this.texts = texts;
    this.#clock = clock;
  }

  /** The same on another session. */
  on(session: PostgresSession): PostgresRecordRows {
    return new PostgresRecordRows(session, this.texts, this.#clock);
  }

  /** The present in milliseconds; `null`: the server tells it. */
  now(): number | null {
    return this.#clock === undefined ? null : this.#clock();
  }

  async ask(text: NamedText, values: readonly unknown[], call: Call): Promise<readonly Row[]> {
    return (await this.session.run({ ...text, values }, call, false)).rows;
  }

  async change(
    text: NamedText,
    values: readonly unknown[],
    call: Call,
  ): Promise<{ readonly rows: readonly Row[]; readonly count: number }> {
    return this.session.run({ ...text, values }, call, true);
  }

  async read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    const [row] = await this.ask(this.texts.read, [ns, key, this.now()], call);
    return row === undefined ? undefined : this.toRecordRow(row, call);
  }

  /** Those that are there, by key, in one statement. */
  async readMany(ns: string, keys: readonly string[], call: Call): Promise<ReadonlyMap<string, RecordRow>> {
    const rows = await this.ask(this.texts.readMany, [ns, keys, this.now()], call);
    const found = new Map<string, RecordRow>();
    for (const record of await this.toRecordRows(rows, call)) found.set(record.key, record);
    return found;
  }

  /** The etags of those that are there, by key. */
  async etags(ns: string, keys: readonly string[], call: Call): Promise<ReadonlyMap<string, string>> {
    const rows = await this.ask(this.texts.exists, [ns, keys, this.now()], call);
    return new Map(rows.map(([key, etag]) => [key as string, etag as string]));
  }

  async readInfo(
    ns: string,
    key: string,
    call: Call,
  ): Promise<{ readonly info: InfoRow; readonly stream: string | null } | undefined> {
    const [row] = await this.ask(this.texts.readInfo, [ns, key, this.now()], call);
    return row === undefined ? undefined : { info: toInfoRow(row), stream: row[9] as string | null };
  }

  /** Columns as `rowColumns` has them: info, stream, data, bytes. */
  toRecordRow(row: Row, call: Call): RecordRow | Promise<RecordRow> {
    if (row[9] !== null) return this.#joined(toInfoRow(row), row[9] as string, call);
    // Built at once rather than spread: this is the hot path.
    const json = row[1] === recordKinds.json;
    return {
      key: row[0] as string,
      kind: json ? 'json' : 'bytes',
      etag: row[2] as string,
      createdAt: row[3] as number,
      updatedAt: row[4] as number,
      expiresAt: row[5] as number | null,
      size: row[6] as number,
      contentType: row[7] as string,
      metadata: row[8] as string,
      content: json ? (row[10] as string) : toBytes(row[11]),
    };
  }

  /** Waits only for what is kept in chunks. */
  async toRecordRows(rows: readonly Row[], call: Call): Promise<readonly RecordRow[]> {
    const records: RecordRow[] = [];
    for (const row of rows) {
      const record = this.toRecordRow(row, call);
      records.push('then' in record ? await record : record);
    }
    return records;
  }

  async #joined(info: InfoRow, stream: string, call: Call): Promise<RecordRow> {
    const content = new Uint8Array(info.size);
    let offset = 0;
    for (const [chunk] of await this.ask(this.texts.readChunks, [stream, 0, behindAll], call)) {
      content.set(chunk as Uint8Array, offset);
      offset += (chunk as Uint8Array).byteLength;
    }
    if (offset !== content.byteLength) throw replacedError(info.key);
    return { ...info, content };
  }

  write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { content, size } = row;
    if (typeof content === 'string') return this.#put(ns, row, recordKinds.json, size, null, content, null, call);
    return this.#put(ns, row, recordKinds.bytes, size, null, null, content, call);
  }

  /** Makes the record name a stream whose chunks are all there. */
  async publish(ns: string, head: WriteHead, stream: string, size: number, call: Call): Promise<InfoRow> {
    const info = await this.#put(ns, head, recordKinds.chunks, size, stream, null, null, call);
    const { count } = await this.change(this.texts.publishStream, [stream], call);
    if (count === 0) throw replacedError(head.key);
    return info;
  }

  async #put(
    ns: string,
    head: WriteHead,
    kind: number,
    size: number,
    stream: string | null,
    data: string | null,
    bytes: Uint8Array | null,
    call: Call,
  ): Promise<InfoRow> {
    const { key, etag, contentType, metadata, ttlMs, condition } = head;
    const values = [ns, key, kind, etag, ttlMs, size, contentType, stream, metadata, data, bytes, this.now()];
    const { texts } = this;
    const attempt = async (): Promise<InfoRow> => {
      if (condition?.type === 'match') values[12] = condition.etag;
      const text =
        condition === undefined ? texts.write : condition.type === 'absent' ? texts.writeAbsent : texts.writeMatch;
      const [times] = (await this.change(text, values, call)).rows;
      if (times !== undefined) return written(head, size, times);
      if (condition?.type !== 'absent') throw conflict(key);
      const present = await this.etags(ns, [key], call);
      throw alreadyExists(key, present.get(key));
    };
    if (condition === undefined || this.session.inTransaction) return attempt();
    return this.#settled(ns, key, condition.type === 'match' ? condition.etag : undefined, call, attempt, etag);
  }

  async remove(ns: string, key: string, etag: string | undefined, call: Call): Promise<boolean> {
    if (etag === undefined) return (await this.change(this.texts.remove, [ns, key, this.now()], call)).count > 0;
    const attempt = async (): Promise<boolean> => {
      const { count } = await this.change(this.texts.removeMatch, [ns, key, this.now(), etag], call);
      if (count === 0) throw conflict(key);
      return true;
    };
    if (this.session.inTransaction) return attempt();
    return this.#settled(ns, key, etag, call, attempt, undefined);
  }

  async touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    return (await this.change(this.texts.touch, [ns, key, this.now(), ttlMs], call)).count > 0;
  }

  /**
   * A conditional change whose answer may be lost: then the record is read, for the etag that was to be written tells that it was.
   * Where the old one is still there it is tried once more under the same etag, and read again should that lose: the first may
   * have waited for a lock until then.
   */
  async #settled<T>(
    ns: string,
    key: string,
    expected: string | undefined,
    call: Call,
    attempt: () => Promise<T>,
    own: string | undefined,
  ): Promise<T> {
    let lost: unknown;
    try {
      return await attempt();
    } catch (error) {
      if (!isStorageError(error, 'unavailable') || error.applied !== 'unknown') throw error;
      lost = error;
    }
    for (let round = 0; ; round++) {
      const found = await this.readInfo(ns, key, call).catch(() => {
        throw lost;
      });
      if (own !== undefined && found?.info.etag === own) return found.info as T;
      if (round === 1 || found?.info.etag !== expected) throw uncertain(key, lost);
      try {
        return await attempt();
      } catch (error) {
        const beaten = isStorageError(error, 'conflict') || isStorageError(error, 'already_exists');
        if (!beaten) throw lost;
      }
    }
  }
}

function uncertain(key: string, cause: unknown): StorageError {
  return new StorageError({
    code: 'conflict',
    message:
      'The answer was lost, and the record has neither the old nor the new etag: the change may have been made and been overtaken. Read it again.',
    key,
    applied: 'unknown',
    cause,
  });
}
