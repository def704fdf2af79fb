import { type JsonValue, type Metadata, type RecordInfo, StorageError, type StoredRecord } from '@storage/core';
import type { InfoRow, RecordRow } from './record-driver.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const noMetadata: Metadata = Object.freeze({});

/** A stored JSON text, parsed. */
function parseStored(text: string, key: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new StorageError({
      code: 'corrupt',
      message: `The stored ${what} is not JSON; restore the record or store it again.`,
      key,
      cause: error,
    });
  }
}

export function parseMetadata(text: string, key: string): Metadata {
  return text === '{}' ? noMetadata : (parseStored(text, key, 'metadata') as Metadata);
}

/** What `RecordInfo` says of a row. */
export function toInfo(row: InfoRow): RecordInfo {
  const info: Mutable<RecordInfo> = {
    key: row.key,
    kind: row.kind,
    etag: row.etag,
    updatedAt: new Date(row.updatedAt),
    size: row.size,
    contentType: row.contentType,
    metadata: parseMetadata(row.metadata, row.key),
  };
  if (row.createdAt !== undefined) info.createdAt = new Date(row.createdAt);
  if (row.expiresAt !== null) info.expiresAt = new Date(row.expiresAt);
  return info;
}

/** A row's info with data. Built at once rather than spread: this is the hot path. */
export function withData<T>(row: InfoRow, data: T): StoredRecord<T> {
  const record: Mutable<StoredRecord<T>> = {
    key: row.key,
    kind: row.kind,
    etag: row.etag,
    updatedAt: new Date(row.updatedAt),
    size: row.size,
    contentType: row.contentType,
    metadata: parseMetadata(row.metadata, row.key),
    data,
  };
  if (row.createdAt !== undefined) record.createdAt = new Date(row.createdAt);
  if (row.expiresAt !== null) record.expiresAt = new Date(row.expiresAt);
  return record;
}

/** A row as a record: JSON parsed, bytes as they are. `T` is the caller's word. */
export function toRecord<T>(row: RecordRow): StoredRecord<T> {
  const { content } = row;
  return withData(row, (typeof content === 'string' ? parseStored(content, row.key, 'data') : content) as T);
}

/** As `toRecord`, where there may be none. */
export function toRecordOrMiss<T>(row: RecordRow | undefined): StoredRecord<T> | undefined {
  return row === undefined ? undefined : toRecord(row);
}

/** As `toRecordOrMiss`, with JSON as its text. */
export function toTextRecord(row: RecordRow | undefined): StoredRecord<string> | undefined {
  if (row === undefined) return undefined;
  if (typeof row.content !== 'string') {
    throw new StorageError({
      code: 'invalid_state',
      message: 'The record has bytes, which are no JSON text; use retrieve or retrieveStream.',
      key: row.key,
    });
  }
  return withData(row, row.content);
}

/** What a filter and a sort look at. */
export function toDocument(record: StoredRecord<unknown>): { readonly [root: string]: unknown } {
  const { key, data, metadata, createdAt, updatedAt } = record;
  return { key, data, metadata, createdAt, updatedAt };
}
