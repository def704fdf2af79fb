import type { Capabilities, RecordStore } from '@storage/core';
import { records, store } from '../needs.ts';

/** A backend that keeps bytes. */
export const bytes: (capabilities: Capabilities) => boolean = records((flags) => flags.bytes);
/** A store that streams bytes. */
export const streams: (capabilities: Capabilities) => boolean = store((flags) => flags.bytes);

/** Bytes that differ from one another and, by seed, from other patterns. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + (index >> 16) * 101 + seed) & 0xff);
}

/** The bytes in chunks of this size. */
export async function* pieces(data: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** What retrieveStream answers, as one. */
export async function read(
  store: RecordStore,
  key: string,
  range?: { readonly offset: number; readonly length?: number },
): Promise<Uint8Array | undefined> {
  const record = await store.retrieveStream(key, range && { range });
  return record && collect(record.data);
}

/** The chunks of a stream as one. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Uint8Array.from(Buffer.concat(parts));
}
