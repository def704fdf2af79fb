import { isUtf8 } from 'node:buffer';
import { maxKeyBytes } from '@storage/core';

const digits = '0123456789abcdefghijklmnopqrstuv';
const values: ReadonlyMap<string, number> = new Map([...digits].map((digit, value) => [digit, value]));

/** Characters of a full segment: 125 bytes. A file system takes segments of 255. */
const segmentLength = 200;
const folderEnd = '~';
const namespaceStart = '-';

/** Base32 with the digits in the order of their values, without padding: texts sort as their bytes do, and no two differ in case alone. */
function encode(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += digits[(buffer >> bits) & 31];
    }
  }
  return bits > 0 ? text + digits[(buffer << (5 - bits)) & 31] : text;
}

/** The text whose bytes these are; `undefined`: no text is written so. */
function decode(text: string): string | undefined {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  let buffer = 0;
  let bits = 0;
  let length = 0;
  for (const digit of text) {
    const value = values.get(digit);
    if (value === undefined) return undefined;
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = (buffer >> bits) & 0xff;
  }
  // What is left are the zeros that fill the last digit up; anything else would be a second name for the same text.
  if (bits >= 5 || (buffer & ((1 << bits) - 1)) !== 0) return undefined;
  return isUtf8(bytes) ? Buffer.from(bytes.buffer).toString() : undefined;
}

function split(text: string): string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; start += segmentLength) parts.push(text.slice(start, start + segmentLength));
  return parts;
}

/**
 * The layout `safe`: how any legal key becomes the segments of a path that every file system and object store keeps apart, also
 * one that folds case, reads `a//b` as `a/b` or can't have `a` beside `a/b`. A key is base32hex of its UTF-8 bytes in segments of
 * 200 characters; those that go on end in `~`, the last in `leafEnd`. A namespace is a folder `-` and base32hex for each name along
 * its path, which sorts before every key. Paths compared segment by segment, or joined by `/` and compared by bytes, are in
 * the order of their keys by code point.
 */
export class SafeKeyLayout {
  /** After this and before every key come the namespaces of a folder. */
  static readonly behindNamespaces: string = `${namespaceStart}~`;
  readonly #leafEnd: string;

  /** `leafEnd` begins with a dot, which is what keeps the order. */
  constructor(leafEnd: `.${string}` = '.') {
    this.#leafEnd = leafEnd;
  }

  /** The folders of a namespace, given as its escaped path; none for the root. */
  namespaceSegments(ns: string): readonly string[] {
    return ns === '' ? [] : ns.split('/').map((name) => namespaceStart + encode(Buffer.from(name)));
  }

  /** The escaped name of the namespace that has this folder; `undefined`: it is no namespace's. */
  namespaceOf(segment: string): string | undefined {
    return segment.length > 1 && segment.startsWith(namespaceStart) ? decode(segment.slice(1)) : undefined;
  }

  /** The segments of a key below the folders of its namespace; the last is the object or file. */
  keySegments(key: string): readonly string[] {
    const parts = split(encode(Buffer.from(key)));
    return parts.map((part, index) => part + (index === parts.length - 1 ? this.#leafEnd : folderEnd));
  }

  /** The key that has these segments; `undefined`: none has. */
  keyOf(segments: readonly string[]): string | undefined {
    let text = '';
    for (const [index, segment] of segments.entries()) {
      const last = index === segments.length - 1;
      const end = last ? this.#leafEnd : folderEnd;
      const part = segment.slice(0, -end.length);
      if (!segment.endsWith(end) || part === '' || part.length > segmentLength) return undefined;
      if (!last && part.length < segmentLength) return undefined;
      text += part;
    }
    if (text === '' || text.length > Math.ceil((maxKeyBytes * 8) / 5)) return undefined;
    const key = decode(text);
    return key?.includes('\0') ? undefined : key;
  }

  /** Whether a segment is a folder of keys. */
  isKeyFolder(segment: string): boolean {
    return segment.length === segmentLength + folderEnd.length && segment.endsWith(folderEnd);
  }

  /**
   * What the paths of all keys begin with that begin with `prefix`: whole folders, then the beginning of a segment, possibly `''`.
   * Other keys may begin so too: whoever lists by it looks at the keys.
   */
  prefixSegments(prefix: string): readonly string[] {
    const bytes = Buffer.from(prefix);
    // The last digit is shared only where its bits all come from the prefix.
    const shared = encode(bytes).slice(0, Math.floor((bytes.length * 8) / 5));
    const parts = split(shared);
    const last = parts.pop() ?? '';
    return [...parts.map((part) => part + folderEnd), last];
  }
}
