import { createHash } from 'node:crypto';

const longestIndexName = 45;
const longestId = 512;
const digits = '0123456789abcdefghijklmnopqrstuv';
/** What a name becomes that Pinecone does not take: no other collection's name is written so. */
const hashedName = /^x-[0-9a-v]{26}$/;
/** What an id becomes that Pinecone does not take. */
const hashedId = '~sha256~';

/** The default namespace, by the name that requests give it. */
export const defaultNamespace = '__default__';

/** 130 bits of a hash, in characters that names of indexes may have. */
function shortHash(text: string): string {
  const bytes = createHash('sha256').update(text).digest();
  let hash = '';
  let bits = 0;
  let buffer = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5 && hash.length < 26; bits -= 5) hash += digits[(buffer >> (bits - 5)) & 31];
  }
  return hash;
}

/** The index of a collection. Names that are legal there stay as they are; others are hashed. */
export function indexNameOf(prefix: string, collection: string): string {
  const name = prefix + collection;
  const legal = /^[a-z0-9][a-z0-9-]*$/.test(name) && !name.endsWith('-') && name.length <= longestIndexName;
  return legal && !hashedName.test(collection) ? name : `${prefix}x-${shortHash(collection)}`;
}

/** The collection whose index has this name, unless the name is a hash. */
export function collectionOfIndex(prefix: string, index: string): string | undefined {
  const collection = index.slice(prefix.length);
  return index.startsWith(prefix) && collection !== '' && !hashedName.test(collection) && /^[a-z0-9]/.test(collection)
    ? collection
    : undefined;
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** ASCII without the characters that have a meaning here; no two texts become the same. */
function escapeName(name: string): string {
  let escaped = '';
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9.~-]/.test(character) || (character === '_' && escaped !== '');
    escaped += plain ? character : escapeByte(byte);
  }
  return escaped;
}

/** A namespace in Pinecone: escaped names along a path, parted by colons. None begins with `_`, so those are free for other use. */
export function namespaceOf(names: readonly string[]): string {
  return names.length === 0 ? defaultNamespace : names.map(escapeName).join(':');
}

/** The name that was escaped; `undefined`: nothing is written so. */
export function unescapeName(escaped: string): string | undefined {
  const bytes = escaped.replaceAll(/%([0-9A-F]{2})/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const name = Buffer.from(bytes, 'latin1').toString();
  return escapeName(name) === escaped ? name : undefined;
}

/** Whether Pinecone takes a key as an id: ASCII, without what `fetch` can't ask for, and no name that the SDK would take for a prototype. */
export function isPlainId(key: string): boolean {
  return /^[\x21-\x7e]+$/.test(key) && key.length <= longestId && !key.startsWith(hashedId) && key !== '__proto__';
}

/** The id of a document in Pinecone. A key that can't be one is hashed, and kept beside it. */
export function recordIdOf(key: string): string {
  return isPlainId(key) ? key : hashedId + createHash('sha256').update(key).digest('base64url');
}
