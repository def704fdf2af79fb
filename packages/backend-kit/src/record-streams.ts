import {
  type ByteRange,
  type CallOptions,
  invalidArgument,
  isByteStream,
  isBytes,
  isStorageError,
  StorageError,
  type StoredRecord,
} from '@storage/core';
import { type Call, makeCall, raceCall } from './call.ts';
import type { CallGuard } from './context.ts';
import type { InfoRow } from './record-driver.ts';
import { checkSize } from './record-encode.ts';
import { withData } from './record-rows.ts';

/** A range, checked. */
export function checkRange(range: ByteRange | undefined): {
  readonly offset: number;
  readonly length: number | undefined;
} {
  if (range === undefined) return { offset: 0, length: undefined };
  const { offset, length } = range;
  if (
    !Number.isSafeInteger(offset) ||
    offset < 0 ||
    (length !== undefined && (!Number.isSafeInteger(length) || length < 0))
  ) {
    throw invalidArgument('range must be { offset, length } in whole bytes from 0.', { path: 'range' });
  }
  return { offset, length };
}

export function checkStream(chunks: unknown): AsyncIterable<Uint8Array> {
  if (!isByteStream(chunks))
    throw invalidArgument('chunks must be an async iterable of Uint8Array; for bytes that are in memory use store.', {
      path: 'chunks',
    });
  return chunks;
}

/** The caller's chunks as a driver may trust them: bytes, not empty, within the limit, and ending when the call is over. */
export async function* checkedChunks(
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
  call: Call,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = chunks[Symbol.asyncIterator]();
  let total = 0;
  let ended = false;
  try {
    for (;;) {
      // Raced, for a source may stall: the call ends in time all the same.
      const next = await raceCall(Promise.resolve(source.next()), call);
      call.check();
      if (next.done) {
        ended = true;
        return;
      }
      const chunk = next.value;
      if (!isBytes(chunk)) throw invalidArgument('chunks must be Uint8Arrays; nothing was stored.', { path: 'chunks' });
      total += chunk.byteLength;
      checkSize(total, limit);
      if (chunk.byteLength > 0) yield chunk;
    }
  } catch (error) {
    if (isStorageError(error)) throw error;
    throw new StorageError({
      code: 'aborted',
      message: 'The stream of chunks failed before its end; nothing was stored.',
      applied: 'no',
      cause: error,
    });
  } finally {
    if (!ended) closeSource(source);
  }
}

/** Tells a source that nobody reads on. Nobody waits for it either: one that stalls would not answer. */
function closeSource(source: AsyncIterator<Uint8Array>): void {
  Promise.resolve(source.return?.()).catch(() => undefined);
}

async function* readChunks(
  row: InfoRow & { readonly chunks: AsyncIterable<Uint8Array> },
  guard: CallGuard,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The time limit was for the answer; how long the reader takes is the reader's affair. The signal holds to the end.
  const call = makeCall(options?.signal && { signal: options.signal });
  try {
    for await (const chunk of row.chunks) {
      call.check();
      yield chunk;
    }
  } catch (error) {
    throw guard.error(error, 'records.retrieveStream', row.key, false, call);
  } finally {
    call.end();
  }
}

/** A stream as the caller gets it: its errors are those of this library. */
export function toStreamRecord(
  row: (InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined,
  guard: CallGuard,
  options: CallOptions | undefined,
): StoredRecord<AsyncIterable<Uint8Array>> | undefined {
  return row === undefined ? undefined : withData<AsyncIterable<Uint8Array>>(row, readChunks(row, guard, options));
}
