import { Buffer } from 'node:buffer';

/** Numbers of types that are the same in every database. */
export const oids = { text: 25, jsonb: 3802, bigint: 20 } as const;

/** What the server reads as a `vector`: its length, a word of zeros, and its numbers, the highest byte first. */
export function vectorBytes(vector: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + vector.byteLength);
  bytes.writeUInt16BE(vector.length, 0);
  bytes.writeUInt16BE(0, 2);
  bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), 4);
  bytes.subarray(4).swap32();
  return bytes;
}

/** A 64-bit integer. */
export function bigintBytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

/** JSON, behind the number of its format. */
export function jsonbBytes(json: string): Buffer {
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(json));
  bytes[0] = 1;
  bytes.write(json, 1);
  return bytes;
}

const headBytes = 20;

/** An array of one dimension as the server reads it: nothing is made text, quoted and parsed again. */
export function arrayBytes(oid: number, items: readonly (Buffer | string | undefined)[]): Buffer {
  const sizes = items.map((item) =>
    item === undefined ? 0 : typeof item === 'string' ? Buffer.byteLength(item) : item.length,
  );
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size + 4, headBytes));
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(items.includes(undefined) ? 1 : 0, 4);
  bytes.writeUInt32BE(oid, 8);
  bytes.writeInt32BE(items.length, 12);
  bytes.writeInt32BE(1, 16);
  let at = headBytes;
  for (const [index, item] of items.entries()) {
    const size = sizes[index] ?? 0;
    bytes.writeInt32BE(item === undefined ? -1 : size, at);
    at += 4;
    if (typeof item === 'string') bytes.write(item, at);
    else if (item !== undefined) bytes.set(item, at);
    at += size;
  }
  return bytes;
}

/** A vector as the server writes it, which is JSON. */
export function parseVector(text: string): Float32Array {
  return Float32Array.from(JSON.parse(text) as number[]);
}
