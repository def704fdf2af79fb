import { type Call, makeCall } from '@storage/backend-kit';
import { replaced } from './s3-errors.ts';
import { refusedCondition, type S3Body, type S3Object, type S3Objects } from './s3-objects.ts';
import { hasCode } from './s3-wire.ts';

/** A range, checked. */
export interface ReadRange {
  readonly offset: number;
  readonly length: number | undefined;
}

/** What one request of a reader asks for, and holds in memory. */
const windowBytes = 4 * 1024 * 1024;
/** How long one of the later requests may take. */
const windowMs = 60_000;
/** The largest piece that a reader gets. */
const pieceBytes = 256 * 1024;

/**
 * An object in pieces. Each request asks for a few megabytes and reads them at once, on condition that the object is still the same: a
 * reader that is slow holds no connection, and no lock of the server's.
 */
export async function readInPieces(
  objects: S3Objects,
  name: string,
  key: string,
  { offset, length }: ReadRange,
  call: Call,
): Promise<{ readonly object: S3Object; readonly chunks: AsyncIterable<Uint8Array> } | undefined> {
  const first = length === 0 ? undefined : await firstWindow(objects, name, offset, length, call);
  if (first !== undefined) {
    const end = length === undefined ? first.size : Math.min(first.size, offset + length);
    return { object: first, chunks: pieces(objects, name, key, first, offset, end) };
  }
  const object = await objects.head(name, call);
  return object && { object, chunks: pieces(objects, name, key, { ...object, body: Buffer.alloc(0) }, 0, 0) };
}

/** `undefined`: there is no object, or nothing of it in this range. */
async function firstWindow(
  objects: S3Objects,
  name: string,
  offset: number,
  length: number | undefined,
  call: Call,
): Promise<S3Body | undefined> {
  const last = offset + Math.min(length ?? windowBytes, windowBytes) - 1;
  try {
    return await objects.get(name, call, { range: `bytes=${offset}-${last}` });
  } catch (error) {
    if (hasCode(error, 'InvalidRange')) return undefined;
    throw error;
  }
}

async function* pieces(
  objects: S3Objects,
  name: string,
  key: string,
  first: S3Body,
  offset: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let { body } = first;
  for (let at = offset; at < end; ) {
    for (let piece = 0; piece < body.length; piece += pieceBytes) yield body.subarray(piece, piece + pieceBytes);
    at += body.length;
    if (at >= end) return;
    body = await nextWindow(objects, name, key, first.tag, at, Math.min(end, at + windowBytes));
  }
}

async function nextWindow(
  objects: S3Objects,
  name: string,
  key: string,
  tag: string,
  from: number,
  end: number,
): Promise<Buffer> {
  // The time limit of the call was for the answer; how long the reader takes is the reader's affair.
  const call = makeCall({ timeoutMs: windowMs });
  try {
    const found = await objects.get(name, call, { range: `bytes=${from}-${end - 1}`, 'if-match': tag });
    if (found === undefined || found.tag !== tag || found.body.length === 0) throw replaced(key);
    return found.body;
  } catch (error) {
    throw refusedCondition(error) || hasCode(error, 'InvalidRange') ? replaced(key) : error;
  } finally {
    call.end();
  }
}
