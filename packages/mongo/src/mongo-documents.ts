import { type InfoRow, prefixEnd, type RecordRow, type WriteHead, type WriteRow } from '@storage/backend-kit';
import type { mongo } from 'mongoose';
import { type Shadow, type ShadowMap, toShadow } from './mongo-shadow.ts';

/** A record as it is stored. */
export interface RecordDocument {
  /** Namespace path, U+0000, key: the order of the ids is that of the keys, by code point. */
  readonly _id: string;
  readonly etag: string;
  readonly kind: 'json' | 'bytes';
  readonly contentType: string;
  readonly size: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Missing: never. */
  readonly expiresAt?: Date;
  /** The data as JSON text: what is read. */
  readonly json?: string;
  readonly bytes?: mongo.Binary | Uint8Array;
  /** The id of the file whose chunks hold the bytes. */
  readonly file?: string;
  /** Metadata as JSON text. Missing: none. */
  readonly metadataJson?: string;
  /** What filters and sorts look at; never read. */
  readonly data?: Shadow;
  readonly metadata?: ShadowMap;
}

export type RecordCollection = mongo.Collection<RecordDocument>;
export type RecordFilter = mongo.Filter<RecordDocument>;
/** A document as a projection leaves it. */
export type FoundDocument = mongo.WithId<RecordDocument>;

/** Leaves the shadows where they are. */
export const wholeProjection = { data: 0, metadata: 0 } as const;
/** What `InfoRow` needs, and the file. */
export const infoProjection = { data: 0, metadata: 0, json: 0, bytes: 0 } as const;

export function idOf(ns: string, key: string): string {
  return `${ns}\0${key}`;
}

function keyOf(id: string): string {
  return id.slice(id.indexOf('\0') + 1);
}

/** The ids of a namespace's records whose keys begin with `prefix`. The id of the empty key is the store's own, and no record's. */
export function idRange(
  ns: string,
  prefix = '',
): { readonly $gt: string; readonly $lt: string } | { readonly $gte: string; readonly $lt: string } {
  const from = idOf(ns, prefix);
  const $lt = prefixEnd(from) ?? `${ns}\u0001`;
  return prefix === '' ? { $gt: from, $lt } : { $gte: from, $lt };
}

/** Holds for records that are not expired: `expiresAt` is missing or ahead. */
export function live(now: number): { readonly $not: { readonly $lte: Date } } {
  return { $not: { $lte: new Date(now) } };
}

export function isLive({ expiresAt }: Pick<RecordDocument, 'expiresAt'>, now: number): boolean {
  return expiresAt === undefined || expiresAt.getTime() > now;
}

export function toInfoRow(document: FoundDocument): InfoRow {
  const { expiresAt } = document;
  return {
    key: keyOf(document._id),
    kind: document.kind,
    etag: document.etag,
    createdAt: document.createdAt.getTime(),
    updatedAt: document.updatedAt.getTime(),
    expiresAt: expiresAt === undefined ? null : expiresAt.getTime(),
    size: document.size,
    contentType: document.contentType,
    metadata: document.metadataJson ?? '{}',
  };
}

/** A view of bytes as the driver hands them out. */
export function asBytes(bytes: mongo.Binary | Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) return new Uint8Array(0);
  return ArrayBuffer.isView(bytes) ? bytes : bytes.buffer.subarray(0, bytes.position);
}

/** A row whose content is in the document itself. Bytes are a copy that belongs to whoever reads it. */
export function toRecordRow(document: FoundDocument): RecordRow {
  return { ...toInfoRow(document), content: document.json ?? new Uint8Array(asBytes(document.bytes)) };
}

/** What a record holds in place of `content`. */
export type Content = Pick<RecordDocument, 'json' | 'data' | 'bytes' | 'file'>;

export function jsonContent(text: string): Content {
  const data = toShadow(JSON.parse(text));
  return { json: text, ...(data !== undefined && { data }) };
}

const contentFields = ['json', 'data', 'bytes', 'file', 'metadata', 'metadataJson', 'expiresAt'] as const;

/** A record whole, but for what is set when it is made. */
export type RecordFields = Omit<RecordDocument, '_id' | 'createdAt'>;

export function recordFields(head: WriteHead & Pick<WriteRow, 'size'>, content: Content, now: number): RecordFields {
  const { etag, kind, contentType, size, metadata, ttlMs } = head;
  return {
    etag,
    kind,
    contentType,
    size,
    updatedAt: new Date(now),
    ...(ttlMs !== null && { expiresAt: new Date(now + ttlMs) }),
    ...content,
    ...(metadata !== '{}' && {
      metadataJson: metadata,
      metadata: toShadow(JSON.parse(metadata)) as ShadowMap,
    }),
  };
}

/** An update that replaces a record whole, but for when it was made. */
export function replacing(fields: RecordFields, createdAt: Date): mongo.UpdateFilter<RecordDocument> {
  const absent = contentFields.filter((name) => fields[name] === undefined);
  return {
    $set: fields,
    $unset: Object.fromEntries(absent.map((name) => [name, true])),
    $setOnInsert: { createdAt },
  } as mongo.UpdateFilter<RecordDocument>;
}
