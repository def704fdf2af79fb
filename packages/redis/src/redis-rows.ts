import type { InfoRow, RecordRow, WriteHead, WriteRow } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { RedisArgument } from './redis-connection.ts';

/** Where the content of a streamed record is. */
export interface StreamPlace {
  readonly version: string;
  readonly chunkBytes: number;
}

/** A record as it is read: of a stream the content is elsewhere. */
export interface FoundRow extends InfoRow {
  /** `null`: in chunks. `undefined`: it was not asked for. */
  readonly content: string | Uint8Array | null | undefined;
  readonly stream: StreamPlace | undefined;
}

const defaultTypes = { json: 'application/json', bytes: 'application/octet-stream' } as const;

/** The lines of a head that the client knows: kind and size, content type, metadata. */
export function encodeHead(head: WriteHead, size: number, stream?: StreamPlace): string {
  const kind = head.kind === 'json' ? 'j' : 'b';
  const place = stream === undefined ? '' : ` ${stream.version}/${stream.chunkBytes}`;
  const type = head.contentType === defaultTypes[head.kind] ? '' : head.contentType;
  return type === '' && head.metadata === '{}'
    ? `${kind}${size}${place}`
    : `${kind}${size}${place}\n${type}\n${head.metadata}`;
}

/** Content as an argument. The bytes are the caller's and are sent before the call returns, or copied. */
export function contentArgument({ content }: WriteRow): RedisArgument {
  return typeof content === 'string' ? content : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

/** A row of the script `write`. */
export function writeArguments(row: WriteRow, fields: readonly RedisArgument[]): RedisArgument[] {
  const { key, condition, etag, ttlMs } = row;
  return [
    key,
    condition === undefined ? '' : condition.type === 'absent' ? 'a' : 'm',
    condition?.type === 'match' ? condition.etag : '',
    etag,
    ttlMs === null ? '' : ttlMs,
    encodeHead(row, row.size),
    contentArgument(row),
    ...fields,
  ];
}

/** What a write has made. `created` empty: it is new. */
export function writtenRow(head: WriteHead, size: number, now: number, created: string): InfoRow {
  return {
    key: head.key,
    kind: head.kind,
    etag: head.etag,
    createdAt: created === '' ? now : Number(created),
    updatedAt: now,
    expiresAt: head.ttlMs === null ? null : now + head.ttlMs,
    size,
    contentType: head.contentType,
    metadata: head.metadata,
  };
}

function corrupt(key: string): StorageError {
  return new StorageError({
    code: 'corrupt',
    message: 'What is stored under this key is no record of this library; delete it, or choose another `prefix`.',
    key,
  });
}

/** A record from its fields `e`, `h` and perhaps `v`, as bytes. Missing: there is none. */
export function parseRow(key: string, fields: readonly (Buffer | null)[], contentAsked: boolean): FoundRow | undefined {
  const [etag, head, content] = fields;
  if (!etag || !head) return undefined;
  const [created = '', updated = '', expires = '', ...known] = head.toString().split('\n');
  if (created === '') throw corrupt(key);
  return {
    ...parseHead(key, known, contentAsked ? (content ?? null) : undefined),
    etag: etag.toString(),
    createdAt: Number(created),
    updatedAt: Number(updated),
    expiresAt: expires === '' ? null : Number(expires),
  };
}

/** What `encodeHead` made, and the content that belongs to it: `null` where it is in chunks, `undefined` where it was not asked for. */
export function parseHead(
  key: string,
  [what = '', type = '', metadata = '{}']: readonly string[],
  content: Buffer | null | undefined,
): Omit<FoundRow, 'etag' | 'createdAt' | 'updatedAt' | 'expiresAt'> {
  const kind = what.startsWith('j') ? 'json' : 'bytes';
  const blank = what.indexOf(' ');
  const slash = what.lastIndexOf('/');
  const size = Number(blank < 0 ? what.slice(1) : what.slice(1, blank));
  if (!Number.isInteger(size)) throw corrupt(key);
  return {
    key,
    kind,
    size,
    contentType: type === '' ? defaultTypes[kind] : type,
    metadata,
    content: content ? (kind === 'json' ? content.toString() : new Uint8Array(content)) : content,
    stream:
      blank < 0 ? undefined : { version: what.slice(blank + 1, slash), chunkBytes: Number(what.slice(slash + 1)) },
  };
}

/** A row whose content is there. */
export function wholeRow(row: FoundRow, content: string | Uint8Array): RecordRow {
  const { stream: _stream, ...rest } = row;
  return { ...rest, content };
}
