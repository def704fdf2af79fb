import type { Call, InfoRow, RowOutcome, WriteHead } from '@storage/backend-kit';
import { randomToken, StorageError } from '@storage/core';
import type { RedisArgument } from './redis-connection.ts';
import { asStorageError, type RedisEngine, wholeFields } from './redis-engine.ts';
import { listOf } from './redis-errors.ts';
import type { Bucket } from './redis-layout.ts';
import { encodeHead, type StreamPlace } from './redis-rows.ts';
import { scripts } from './redis-scripts.ts';
import type { RedisSearch } from './redis-search.ts';
import { written } from './redis-writes.ts';

const chunkBytes = 256 * 1024;
/** How long chunks wait for the next one; those of a writer that died are gone then. */
const stagingMs = 10 * 60_000;

/** Streams: chunks in a hash of their own, in the slot of their record, put in place by one script. */
export class RedisStreams {
  readonly #engine: RedisEngine;
  readonly #search: RedisSearch;

  constructor(engine: RedisEngine, search: RedisSearch) {
    this.#engine = engine;
    this.#search = search;
  }

  /** `publish` is given what puts the stream in place, once its chunks are there: nobody has to wait for a stream that is on its way. */
  async write(
    ns: string,
    head: WriteHead,
    chunks: AsyncIterable<Uint8Array>,
    call: Call,
    publish: (put: () => Promise<RowOutcome<InfoRow>>) => Promise<RowOutcome<InfoRow>>,
  ): Promise<RowOutcome<InfoRow>> {
    const { layout, connection } = this.#engine;
    const bucket = layout.bucketOf(ns, head.key);
    const stream: StreamPlace = { version: randomToken(), chunkBytes };
    const staged = bucket.chunks + stream.version;
    let asked = false;
    let refused = false;
    try {
      let size = 0;
      let count = 0;
      for await (const chunk of equalChunks(chunks)) {
        call.check();
        await Promise.all([
          connection.command('hset', [staged, count, chunk]),
          connection.command('pexpire', [staged, stagingMs]),
        ]);
        size += chunk.length;
        count++;
      }
      const args = [this.#search.shape, count, ...this.#arguments(ns, head, size, stream, bucket)];
      const names = [bucket.order, bucket.expiry, bucket.shapes, bucket.records + head.key, staged];
      const outcome = await publish(async () => {
        call.check();
        await this.#engine.announce(ns);
        asked = true;
        const [now, answer = ''] = listOf<string>(await this.#engine.run(scripts.publish, names, args));
        return written({ ...head, size }, Number(now), answer);
      });
      refused = !outcome.ok;
      return outcome;
    } catch (error) {
      if (!asked) throw asNotApplied(error);
      return { ok: false, error: asStorageError(error, 'records.storeStream', true) };
    } finally {
      // Once the server was asked, it alone knows what became of the chunks; those that stay are gone by their expiry.
      if (!asked || refused) await connection.command('unlink', [staged]).catch(() => undefined);
    }
  }

  #arguments(ns: string, head: WriteHead, size: number, stream: StreamPlace, { chunks }: Bucket): RedisArgument[] {
    const { condition } = head;
    return [
      head.key,
      condition === undefined ? '' : condition.type === 'absent' ? 'a' : 'm',
      condition?.type === 'match' ? condition.etag : '',
      head.etag,
      head.ttlMs ?? '',
      encodeHead(head, size, stream),
      chunks,
      ...this.#search.fieldsOf(ns, { ...head, content: new Uint8Array(), size }),
    ];
  }

  async read(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const row = await this.#engine.readOne(ns, key, wholeFields);
    if (row === undefined) return undefined;
    const { content, stream, ...info } = row;
    const end = Math.min(row.size, range.length === undefined ? row.size : range.offset + range.length);
    if (stream !== undefined) return { ...info, chunks: this.#chunks(ns, key, stream, range.offset, end) };
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : (content ?? new Uint8Array());
    return { ...info, chunks: slices(bytes.subarray(range.offset, end)) };
  }

  async *#chunks(
    ns: string,
    key: string,
    stream: StreamPlace,
    offset: number,
    end: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = offset; at < end; ) {
      const number = Math.floor(at / stream.chunkBytes);
      const start = number * stream.chunkBytes;
      try {
        const chunk = await this.#engine.chunk(ns, key, stream, number);
        const part = new Uint8Array(chunk.subarray(at - start, end - start));
        at += part.length;
        yield part;
      } catch (error) {
        throw asStorageError(error, 'records.retrieveStream', false);
      }
    }
  }
}

/** Nothing of the record was touched yet, whatever failed. */
function asNotApplied(error: unknown): StorageError {
  const known = asStorageError(error, 'records.storeStream', true);
  return new StorageError({ ...known, message: known.message, applied: 'no', cause: known.cause });
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.slice(start, start + chunkBytes);
}

/** Chunks of one size, the last one of what is left. The sender may use its buffers again. */
async function* equalChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let buffer = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; ) {
      const part = chunk.subarray(start, start + chunkBytes - filled);
      buffer.set(part, filled);
      start += part.length;
      filled += part.length;
      if (filled < chunkBytes) continue;
      yield buffer;
      buffer = Buffer.allocUnsafe(chunkBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
