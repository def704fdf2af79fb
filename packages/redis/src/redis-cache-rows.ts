import type { InfoRow, RecordRow, WriteRow } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { RedisArgument } from './redis-connection.ts';
import { contentArgument, encodeHead, parseHead } from './redis-rows.ts';

/*
 * A record of a cache is one string: when it expires and when it was written (13 digits each, zeros for never), the length of the
 * etag (4 hexadecimal digits) and the etag, the length of the head (8 digits), the head of `encodeHead`, the content. The fixed
 * places let a script compare etags and change the expiry without reading the rest.
 */
const never = '0'.repeat(13);
const etagAt = 30;

/** A record as the string that is stored. */
export function encodePlain(row: WriteRow, now: number): RedisArgument {
  const expires = row.ttlMs === null ? never : String(now + row.ttlMs);
  const head = encodeHead(row, row.size);
  const etagLength = Buffer.byteLength(row.etag).toString(16).padStart(4, '0');
  const headLength = Buffer.byteLength(head).toString(16).padStart(8, '0');
  const start = `${expires}${now}${etagLength}${row.etag}${headLength}${head}`;
  const content = contentArgument(row);
  return typeof content === 'string' ? start + content : Buffer.concat([Buffer.from(start), content as Buffer]);
}

/** What `encodePlain` made. Missing: there is none. */
export function parsePlain(key: string, bytes: Buffer | null): RecordRow | undefined {
  if (bytes === null) return undefined;
  const fixed = bytes.toString('latin1', 0, etagAt);
  if (!/^\d{26}[0-9a-f]{4}$/.test(fixed)) throw corrupt(key);
  const etagEnd = etagAt + Number.parseInt(fixed.slice(26), 16);
  const headAt = etagEnd + 8;
  const contentAt = headAt + Number.parseInt(bytes.toString('latin1', etagEnd, headAt), 16);
  const expires = fixed.slice(0, 13);
  const known = bytes.toString('utf8', headAt, contentAt).split('\n');
  const { stream: _stream, content, ...info } = parseHead(key, known, bytes.subarray(contentAt));
  if (content === null || content === undefined) throw corrupt(key);
  return {
    ...info,
    etag: bytes.toString('utf8', etagAt, etagEnd),
    createdAt: undefined,
    updatedAt: Number(fixed.slice(13, 26)),
    expiresAt: expires === never ? null : Number(expires),
    content,
  };
}

/** What a write of now has made. */
export function plainInfo({ content: _content, condition: _condition, ttlMs, ...row }: WriteRow, now: number): InfoRow {
  return { ...row, createdAt: undefined, updatedAt: now, expiresAt: ttlMs === null ? null : now + ttlMs };
}

function corrupt(key: string): StorageError {
  return new StorageError({
    code: 'corrupt',
    message: 'What is stored under this key is no record of this cache; delete it, or choose another `prefix`.',
    key,
  });
}
