/** The bytes of one chunk, the last one excepted. */
export const chunkBytes = 262_144;

/** Pieces of exactly `chunkBytes`, the last one excepted. Each is a buffer of its own. */
export async function* evenChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = new Uint8Array(chunkBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const part = chunk.subarray(offset, offset + chunkBytes - filled);
      piece.set(part, filled);
      filled += part.byteLength;
      offset += part.byteLength;
      if (filled === chunkBytes) {
        yield piece;
        piece = new Uint8Array(chunkBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

/** Bytes that are there already, as a stream's pieces. */
export async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes)
    yield bytes.subarray(offset, offset + chunkBytes);
}

/** How long chunks are kept after the record was replaced, for those who still read them, in milliseconds. */
export const streamGraceMs: number = 5 * 60_000;
/** How long a writer may be silent before its chunks are swept, in milliseconds. */
export const stagingMs: number = 60 * 60_000;
