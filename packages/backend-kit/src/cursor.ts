import { invalidArgument, StorageError, utf8Length } from '@storage/core';
import type { Position, SortValue } from './record-driver.ts';

const checksumBytes = 8;
/** No cursor that this module makes is longer: a key and four sort values, escaped. */
const maxCursorLength = 16_384;
/** The longest string under a sorted path that a page can continue behind. */
const maxSortValueBytes = 256;

/** 64 bits that tell mistakes, not forgers: a position is no secret, and gives nobody more than a key would. */
function checksum(query: string, payload: string): Buffer {
  const text = `1\n${query}\n${payload}`;
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  const bytes = Buffer.allocUnsafe(checksumBytes);
  bytes.writeInt32LE(a ^ (b >>> 13), 0);
  bytes.writeInt32LE(b ^ (a >>> 16), 4);
  return bytes;
}

/**
 * A cursor that stands behind `position` of the query described by `query`: any text that is the same for the same question.
 * It holds the position, readable by anyone, and a checksum over both; any process continues it.
 */
export function encodeCursor(query: string, position: Position): string {
  for (const value of position.sort) {
    if (typeof value !== 'string' || value.length * 3 <= maxSortValueBytes) continue;
    const actual = utf8Length(value);
    if (actual > maxSortValueBytes) {
      throw new StorageError({
        code: 'too_large',
        message: `A page would have to continue behind a sort value of ${actual} bytes; at most ${maxSortValueBytes} are allowed. Sort by a shorter field.`,
        key: position.key,
        details: { limit: maxSortValueBytes, actual },
      });
    }
  }
  const payload = JSON.stringify([position.key, ...position.sort]);
  return Buffer.concat([checksum(query, payload), Buffer.from(payload)]).toString('base64url');
}

function refuse(): never {
  throw invalidArgument(
    'cursor is not one of this query: hand back the `cursor` of the page before, with the same filter, prefix, sort and namespace.',
    { path: 'cursor' },
  );
}

/** The position of a cursor. One of another query, or changed on the way, is `invalid_argument`. */
export function decodeCursor(query: string, cursor: unknown): Position {
  if (typeof cursor !== 'string' || cursor.length > maxCursorLength) refuse();
  const bytes = Buffer.from(cursor, 'base64url');
  // The decoder skips what it does not know, so only the text that it would write itself counts.
  if (bytes.length <= checksumBytes || bytes.toString('base64url') !== cursor) refuse();
  const payload = bytes.toString('utf8', checksumBytes);
  if (!checksum(query, payload).equals(bytes.subarray(0, checksumBytes))) refuse();
  const [key, ...sort] = JSON.parse(payload) as [string, ...(boolean | number | string | null)[]];
  return { key, sort: sort.map((value): SortValue => value ?? undefined) };
}
