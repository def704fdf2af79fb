import type { Call } from '@storage/backend-kit';

const sliceBytes = 64 * 1024;

/** All chunks as one array. `require` is asked before each further chunk is kept. */
export async function collectBytes(
  chunks: AsyncIterable<Uint8Array>,
  call: Call,
  require: (size: number) => void,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    call.check();
    size += chunk.length;
    require(size);
    // A copy, because the sender may use its buffer again.
    parts.push(chunk.slice());
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Copies of the bytes in pieces: what a reader does to them changes nothing that is stored. */
export async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += sliceBytes) yield bytes.slice(offset, offset + sliceBytes);
}
