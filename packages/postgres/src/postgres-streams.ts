import { type Call, type InfoRow, makeCall, replacedError, unboundedCall, type WriteHead } from '@storage/backend-kit';
import { isStorageError, randomToken } from '@storage/core';
import { chunkBytes, evenChunks, slices } from '@storage/sql';
import { type PostgresRecordRows, toBytes } from './postgres-record-rows.ts';

/** How many chunks a reader asks for at a time. */
const chunksAtOnce = 4;
const discardMs = 5000;

interface StreamWrite {
  readonly ns: string;
  readonly head: WriteHead;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly call: Call;
}

/**
 * Stages the chunks, a statement each, and publishes them by one transaction; no connection is held while the source is waited
 * for. `inOrder` puts the last step behind earlier writes of the key.
 */
export async function writeStream(
  rows: PostgresRecordRows,
  { ns, head, chunks, call }: StreamWrite,
  inOrder: <T>(task: () => Promise<T>) => Promise<T>,
): Promise<InfoRow> {
  const { texts } = rows;
  const stream = randomToken();
  let count = 0;
  let size = 0;
  const stage = async (piece: Uint8Array): Promise<void> => {
    const n = count++;
    size += piece.byteLength;
    if (n === 0) await rows.change(texts.beginStream, [stream, piece, rows.now()], call);
    else if ((await rows.change(texts.appendChunk, [stream, n, piece, rows.now()], call)).count === 0)
      throw replacedError(head.key);
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
      return await inOrder(() => rows.write(ns, { ...head, content, size: content.byteLength }, call));
    }
    if (held !== undefined) await stage(held);
    return await inOrder(() =>
      rows.session.transaction(call, (session) => rows.on(session).publish(ns, head, stream, size, call)),
    );
  } catch (error) {
    if (count > 0) await discard(rows, stream, isStorageError(error) ? error.code : '');
    throw error;
  }
}

/** Frees the space of a stream that failed, unless it was published after all. Where that fails too, the sweep does it later. */
async function discard(rows: PostgresRecordRows, stream: string, code: string): Promise<void> {
  // A server that can't be reached is not asked again.
  if (code === 'unavailable') return;
  const limit = makeCall({ timeoutMs: discardMs });
  try {
    await rows.change(rows.texts.discardStream, [stream], limit);
  } catch (error) {
    // The caller hears of the first failure; this one changes nothing for it.
    void error;
  } finally {
    limit.end();
  }
}

interface StreamRead {
  readonly ns: string;
  readonly key: string;
  readonly range: { readonly offset: number; readonly length: number | undefined };
  readonly call: Call;
}

export async function readStream(
  rows: PostgresRecordRows,
  { ns, key, range, call }: StreamRead,
): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
  const found = await rows.readInfo(ns, key, call);
  if (found === undefined) return undefined;
  const { info, stream } = found;
  const from = range.offset;
  const to = Math.min(info.size, range.length === undefined ? info.size : from + range.length);
  if (stream !== null) return { ...info, chunks: readChunks(rows, key, stream, from, to) };
  const row = await rows.read(ns, key, call);
  if (row === undefined || row.etag !== info.etag) throw replacedError(key);
  const { content } = row;
  // The server writes JSON in a form of its own; the bytes, as their number, are those of the text as it was stored.
  const bytes = typeof content === 'string' ? new TextEncoder().encode(JSON.stringify(JSON.parse(content))) : content;
  return { ...info, chunks: slices(bytes.subarray(from, Math.max(from, to))) };
}

async function* readChunks(
  rows: PostgresRecordRows,
  key: string,
  stream: string,
  from: number,
  to: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = from; offset < to; ) {
    const first = Math.floor(offset / chunkBytes);
    const behind = Math.min(first + chunksAtOnce, Math.ceil(to / chunkBytes));
    const chunks = await rows.ask(rows.texts.readChunks, [stream, first, behind], unboundedCall);
    if (chunks.length < behind - first) throw replacedError(key);
    for (const [index, [chunk]] of chunks.entries()) {
      const start = (first + index) * chunkBytes;
      const end = Math.min(to, start + chunkBytes);
      yield toBytes(chunk).subarray(offset - start, end - start);
      offset = end;
    }
  }
}
