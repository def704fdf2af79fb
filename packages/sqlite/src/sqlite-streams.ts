import type { Call, InfoRow, MaybePromise, WriteHead } from '@storage/backend-kit';
import { randomToken } from '@storage/core';
import { chunkBytes, evenChunks, slices, stagingMs } from '@storage/sql';
import { replacedError, type SqliteRecordRows, toBytes } from './sqlite-record-rows.ts';

interface StreamWrite {
  readonly ns: string;
  readonly head: WriteHead;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly call: Call;
  readonly write: <T>(task: () => T) => MaybePromise<T>;
}

/** Stages the chunks in short transactions, and publishes them by one. `inOrder` puts the last step behind earlier writes of the key. */
export async function writeStream(
  rows: SqliteRecordRows,
  { ns, head, chunks, call, write }: StreamWrite,
  inOrder: <T>(task: () => MaybePromise<T>) => MaybePromise<T>,
): Promise<InfoRow> {
  const { connection, streams, clock } = rows;
  const stream = randomToken();
  let count = 0;
  let size = 0;
  const stage = (piece: Uint8Array): MaybePromise<void> => {
    const n = count++;
    size += piece.byteLength;
    return write(() =>
      connection.transaction(() => {
        // Until a record names it, a stream is swept when nothing was heard of its writer for a while.
        const until = clock() + stagingMs;
        if (n === 0) streams.begin.run(stream, until);
        else if (streams.touch.run(until, stream).changes === 0) throw replacedError(head.key);
        streams.writeChunk.run(stream, n, piece);
      }),
    );
  };
  let held: Uint8Array | undefined;
  try {
    for await (const piece of evenChunks(chunks)) {
      if (held !== undefined) await stage(held);
      held = piece;
    }
    call.check();
    // What fits into one piece is kept as any bytes are.
    if (count === 0) {
      const content = held ?? new Uint8Array(0);
      return await inOrder(() => write(() => rows.write(ns, { ...head, content, size: content.byteLength })));
    }
    if (held !== undefined) await stage(held);
    return await inOrder(() => write(() => connection.transaction(() => rows.publish(ns, head, stream, size))));
  } catch (error) {
    if (count > 0) await discard(rows, stream, write);
    throw error;
  }
}

/** Frees the space of a stream that failed. Where that fails too, the sweep does it later. */
async function discard(rows: SqliteRecordRows, stream: string, write: StreamWrite['write']): Promise<void> {
  try {
    await write(() => rows.connection.transaction(() => removeStream(rows, stream)));
  } catch (error) {
    // The caller hears of the first failure; this one changes nothing for it.
    void error;
  }
}

/** Removes a stream's chunks. To be called in a transaction. */
export function removeStream({ streams }: SqliteRecordRows, stream: string): void {
  streams.removeChunks.run(stream);
  streams.remove.run(stream);
}

interface StreamRead {
  readonly ns: string;
  readonly key: string;
  readonly range: { readonly offset: number; readonly length: number | undefined };
  readonly read: <T>(task: () => T) => MaybePromise<T>;
}

export async function readStream(
  rows: SqliteRecordRows,
  { ns, key, range, read }: StreamRead,
): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
  const found = await read(() => rows.readInfo(ns, key));
  if (found === undefined) return undefined;
  const { info, stream } = found;
  const from = range.offset;
  const to = Math.min(info.size, range.length === undefined ? info.size : from + range.length);
  if (stream !== null) return { ...info, chunks: readChunks(rows, key, stream, from, to, read) };
  const row = await read(() => rows.read(ns, key));
  if (row === undefined || row.etag !== info.etag) throw replacedError(key);
  const bytes = typeof row.content === 'string' ? new TextEncoder().encode(row.content) : row.content;
  return { ...info, chunks: slices(bytes.subarray(from, Math.max(from, to))) };
}

async function* readChunks(
  { streams }: SqliteRecordRows,
  key: string,
  stream: string,
  from: number,
  to: number,
  read: StreamRead['read'],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = from; offset < to; ) {
    const n = Math.floor(offset / chunkBytes);
    const start = n * chunkBytes;
    const chunk = await read(() => streams.readChunk.get(stream, n)?.[0]);
    if (chunk === undefined) throw replacedError(key);
    const end = Math.min(to, start + chunkBytes);
    yield toBytes(chunk).subarray(offset - start, end - start);
    offset = end;
  }
}
