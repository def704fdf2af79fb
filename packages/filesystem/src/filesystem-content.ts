import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync } from 'node:fs';
import type { InfoRow, WriteRow } from '@storage/backend-kit';
import { changedMeanwhile } from './filesystem-errors.ts';
import { identityOf, readInto, sameFile } from './filesystem-files.ts';
import { defaultType, mayBeJson } from './filesystem-sidecar.ts';
import { etagOfFound, type Found, type OpenFile, type RecordFiles, type Target } from './filesystem-store.ts';

const chunkBytes = 64 * 1024;
/** Up to here a file of which nothing is written down is parsed to tell what it is; over it its first character has to do. */
const parsedBytes = 1024 * 1024;

/** A record's content as its file has it. */
export function encodeContent(row: WriteRow, pretty: boolean): Uint8Array {
  const { content } = row;
  // A copy: the sender may use its buffer again before its turn comes.
  if (typeof content !== 'string') return content.slice();
  // A text without brackets is the same in both forms.
  return Buffer.from(pretty && /^[[{]/.test(content) ? JSON.stringify(JSON.parse(content), null, 2) : content);
}

/** The text, if it is JSON. */
function jsonText(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    if ((error as { readonly name?: unknown }).name === 'SyntaxError') return undefined;
    throw error;
  }
}

/** What a row tells beside its content. */
export function toRow(target: Target, found: Found, kind: 'json' | 'bytes'): InfoRow {
  const { entry, identity } = found;
  return {
    key: target.key,
    kind,
    etag: etagOfFound(found),
    createdAt: undefined,
    updatedAt: Math.floor(identity.mtime / 1000),
    expiresAt: entry?.expiresAt ?? null,
    size: identity.size,
    contentType: entry?.contentType ?? defaultType(kind),
    metadata: entry?.metadata ?? '{}',
  };
}

/** All of a file, as JSON text or as bytes. */
export async function readContent(target: Target, file: OpenFile): Promise<string | Uint8Array> {
  // Not from the shared pool: the bytes may be handed out.
  const buffer = Buffer.allocUnsafeSlow(file.identity.size);
  const length = await readInto(file.fd, buffer, 0);
  const bytes = length < buffer.length ? buffer.subarray(0, length) : buffer;
  if (file.entry !== undefined) return file.entry.kind === 'json' ? bytes.toString() : toBytes(bytes);
  return (mayBeJson(target.key) ? jsonText(bytes) : undefined) ?? toBytes(bytes);
}

/** A plain array over the same memory. */
function toBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** What a file is, without keeping what it holds. */
export async function kindOf(target: Target, file: OpenFile): Promise<'json' | 'bytes'> {
  if (file.entry !== undefined) return file.entry.kind;
  if (!mayBeJson(target.key)) return 'bytes';
  if (file.identity.size <= parsedBytes)
    return typeof (await readContent(target, file)) === 'string' ? 'json' : 'bytes';
  const start = Buffer.alloc(64);
  const length = await readInto(file.fd, start, 0);
  return /^\s*["[{]/.test(start.toString('latin1', 0, length)) ? 'json' : 'bytes';
}

/**
 * The bytes of a file from `offset`, in pieces. It is opened when the first is asked for, so that a stream that nobody reads
 * holds nothing, and has to be the file that was found.
 */
export async function* readPieces(
  files: RecordFiles,
  target: Target,
  found: Found,
  range: { readonly offset: number; readonly length: number | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = Math.min(found.identity.size, range.length === undefined ? Infinity : range.offset + range.length);
  if (range.offset >= end) return;
  const file = await files.open(target);
  if (file === undefined) throw changedMeanwhile(target.key);
  try {
    if (!sameFile(file.identity, found.identity)) throw changedMeanwhile(target.key);
    for (let position = range.offset; position < end; ) {
      const piece = new Uint8Array(Math.min(chunkBytes, end - position));
      const length = await readInto(file.fd, piece, position);
      // A file that is replaced stays whole here; one that somebody writes into does not.
      if (length < piece.length || !sameFile(identityOf(fstatSync(file.fd, { bigint: true })), found.identity))
        throw changedMeanwhile(target.key);
      position += length;
      yield piece;
    }
  } finally {
    closeSync(file.fd);
  }
}
