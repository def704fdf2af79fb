import type { InfoRow, RecordRow, WriteHead, WriteRow } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import {
  isPlainJson,
  type RecordTexts,
  recordKinds,
  recordTexts,
  type SqlValue,
  type StreamTexts,
  sqliteDialect,
  streamTexts,
  toInfoRow,
} from '@storage/sql';
import { type Prepared, prepareAll, type SqliteConnection } from './sqlite-connection.ts';

/** Rows as SQLite gives them: in the order of `infoColumns` or `rowColumns`. */
type Row = readonly SqlValue[];

function isLive(expiresAt: SqlValue | undefined, now: number): boolean {
  return expiresAt === null || (expiresAt as number) > now;
}

/** A plain view of bytes that the driver copied out of the database for us. */
export function toBytes(value: SqlValue | undefined): Uint8Array {
  const { buffer, byteOffset, byteLength } = value as Uint8Array;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** A stream that was swept while it was being read. */
export function replacedError(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record was replaced while it was read; read it again.',
    key,
  });
}

/** The point work on records over one connection. Times in milliseconds; all of it synchronous. */
export class SqliteRecordRows {
  readonly connection: SqliteConnection;
  readonly statements: Prepared<RecordTexts>;
  readonly streams: Prepared<StreamTexts>;
  readonly clock: () => number;

  constructor(connection: SqliteConnection, clock: () => number) {
    this.connection = connection;
    this.statements = prepareAll(connection, recordTexts(sqliteDialect));
    this.streams = prepareAll(connection, streamTexts(sqliteDialect));
    this.clock = clock;
  }

  read(ns: string, key: string): RecordRow | undefined {
    const row = this.statements.read.get(ns, key);
    if (row === undefined || (row[5] !== null && !isLive(row[5], this.clock()))) return undefined;
    return this.toRecordRow(row);
  }

  /** In the order of the keys, by one statement. */
  readMany(ns: string, keys: readonly string[]): readonly (RecordRow | undefined)[] {
    const now = this.clock();
    const found = new Map<string, RecordRow>();
    for (const row of this.statements.readMany.all(ns, JSON.stringify(keys))) {
      if (isLive(row[5], now)) found.set(row[0] as string, this.toRecordRow(row));
    }
    return keys.map((key) => {
      const row = found.get(key);
      // Whoever asks twice for the same bytes gets two copies.
      if (row !== undefined && typeof row.content !== 'string')
        found.set(key, { ...row, content: row.content.slice() });
      return row;
    });
  }

  /** Info and, for chunked bytes, the stream; without the content. */
  readInfo(ns: string, key: string): { readonly info: InfoRow; readonly stream: string | null } | undefined {
    const row = this.statements.readInfo.get(ns, key);
    if (row === undefined || !isLive(row[5], this.clock())) return undefined;
    return { info: toInfoRow(row), stream: row[9] as string | null };
  }

  /** `toInfoRow` with the content, built at once rather than spread: this is the hot path. */
  toRecordRow(row: Row): RecordRow {
    return {
      key: row[0] as string,
      kind: row[1] === recordKinds.json ? 'json' : 'bytes',
      etag: row[2] as string,
      createdAt: row[3] as number,
      updatedAt: row[4] as number,
      expiresAt: row[5] as number | null,
      size: row[6] as number,
      contentType: row[7] as string,
      metadata: row[8] as string,
      content: row[1] === recordKinds.json ? (row[9] as string) : this.#bytes(row),
    };
  }

  #bytes(row: Row): Uint8Array {
    if (row[1] === recordKinds.bytes) return toBytes(row[9]);
    const content = new Uint8Array(row[6] as number);
    let offset = 0;
    for (const [chunk] of this.streams.readChunks.all(row[9] as string)) {
      content.set(chunk as Uint8Array, offset);
      offset += (chunk as Uint8Array).byteLength;
    }
    if (offset !== content.byteLength) throw replacedError(row[0] as string);
    return content;
  }

  exists(ns: string, key: string): boolean {
    return this.statements.exists.get(ns, key, this.clock()) !== undefined;
  }

  write(ns: string, row: WriteRow): InfoRow {
    const { content } = row;
    if (typeof content !== 'string') return this.#put(ns, row, recordKinds.bytes, row.size, null, null, content);
    const plain = isPlainJson(row) ? this.#putJson(ns, row, content) : undefined;
    return plain ?? this.#put(ns, row, recordKinds.json, row.size, null, content, null);
  }

  /** As `#put`; `undefined` and nothing done where a stream is there. */
  #putJson(ns: string, { key, kind, etag, size, contentType, metadata }: WriteRow, data: string): InfoRow | undefined {
    const { connection } = this;
    const now = this.clock();
    connection.kept = now;
    if (this.statements.writeJson.run(ns, key, etag, now, now, size, data).changes === 0) return undefined;
    const createdAt = connection.kept;
    return { key, kind, etag, createdAt, updatedAt: now, expiresAt: null, size, contentType, metadata };
  }

  /** Makes the record name a stream whose chunks are all there. */
  publish(ns: string, head: WriteHead, stream: string, size: number): InfoRow {
    const info = this.#put(ns, head, recordKinds.chunks, size, stream, null, null);
    if (this.streams.publish.run(stream).changes === 0) throw replacedError(head.key);
    return info;
  }

  #put(
    ns: string,
    head: WriteHead,
    kind: number,
    size: number,
    stream: string | null,
    data: string | null,
    bytes: Uint8Array | null,
  ): InfoRow {
    const { key, etag, contentType, metadata, ttlMs, condition } = head;
    const { connection, statements } = this;
    const now = this.clock();
    const expiresAt = ttlMs === null ? null : now + ttlMs;
    connection.kept = now;
    if (condition === undefined) {
      statements.write.run(ns, key, kind, etag, now, now, expiresAt, size, contentType, stream, metadata, data, bytes);
    } else if (condition.type === 'absent') {
      const { changes } = statements.writeAbsent.run(
        ns,
        key,
        kind,
        etag,
        now,
        now,
        expiresAt,
        size,
        contentType,
        stream,
        metadata,
        data,
        bytes,
      );
      if (changes === 0) throw this.#present(ns, key);
    } else {
      const { changes } = statements.writeMatch.run(
        kind,
        etag,
        now,
        expiresAt,
        size,
        contentType,
        stream,
        metadata,
        data,
        bytes,
        ns,
        key,
        condition.etag,
        now,
      );
      if (changes === 0) throw conflict(key);
    }
    return {
      key,
      kind: head.kind,
      etag,
      createdAt: connection.kept,
      updatedAt: now,
      expiresAt,
      size,
      contentType,
      metadata,
    };
  }

  #present(ns: string, key: string): StorageError {
    const etag = this.statements.readInfo.get(ns, key)?.[2];
    return new StorageError({
      code: 'already_exists',
      message: 'There is a record under this key already.',
      key,
      applied: 'no',
      details: { etag },
    });
  }

  remove(ns: string, key: string, etag: string | undefined): boolean {
    const now = this.clock();
    if (etag === undefined) return this.statements.remove.run(ns, key, now).changes > 0;
    if (this.statements.removeMatch.run(ns, key, now, etag).changes === 0) throw conflict(key);
    return true;
  }

  touch(ns: string, key: string, ttlMs: number | null): boolean {
    const now = this.clock();
    return this.statements.touch.run(ttlMs === null ? null : now + ttlMs, ns, key, now).changes > 0;
  }
}

function conflict(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record does not have this etag, or is gone; read it again.',
    key,
    applied: 'no',
  });
}
