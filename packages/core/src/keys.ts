import { invalidArgument, StorageError } from './errors.ts';

/** The longest key, in UTF-8 bytes. */
export const maxKeyBytes = 512;
/** The longest namespace path, escaped, in UTF-8 bytes. */
export const maxNamespaceBytes = 96;

/** The length of a well-formed string in UTF-8 bytes, without encoding it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 2;
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** Refuses what is not text that every store can hold: a non-string, U+0000, a lone surrogate. `what` names it in the message. */
export function assertText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string')
    throw invalidArgument(`${what} must be a string, not ${value === null ? 'null' : typeof value}.`);
  if (value.includes('\0')) throw invalidArgument(`${what} contains U+0000; remove it or encode the ${what} first.`);
  if (!value.isWellFormed())
    throw invalidArgument(`${what} contains a lone surrogate; it must be well-formed Unicode.`);
}

function assertLength(value: string, limit: number, what: string): void {
  if (value.length * 3 <= limit) return;
  const actual = utf8Length(value);
  if (actual > limit) {
    throw new StorageError({
      code: 'too_large',
      message: `${what} has ${actual} bytes of UTF-8; at most ${limit} are allowed. Hash or shorten it.`,
      details: { limit, actual },
    });
  }
}

/** Refuses a key that is not a legal one: non-empty, well-formed, without U+0000, at most 512 UTF-8 bytes. */
export function assertKey(key: unknown): asserts key is string {
  assertText(key, 'key');
  if (key.length === 0) throw invalidArgument('key is empty; give every record a non-empty key.');
  assertLength(key, maxKeyBytes, 'key');
}

/** A name as one segment of a namespace path: `~` becomes `~0`, `/` becomes `~1`. */
export function escapeNamespace(name: string): string {
  return name.includes('~') || name.includes('/') ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name;
}

/** The path of the child `name` below `parent` (`''` is the root), checked for length. */
export function childNamespace(parent: string, name: unknown): string {
  assertText(name, 'namespace');
  if (name.length === 0)
    throw invalidArgument('namespace is empty; the root is what you have before calling namespace().');
  const path = parent === '' ? escapeNamespace(name) : `${parent}/${escapeNamespace(name)}`;
  assertLength(path, maxNamespaceBytes, 'namespace path');
  return path;
}

/** The names along an escaped namespace path: `a/b~1c` → `['a', 'b/c']`; the root is `[]`. */
export function namespaceNames(path: string): readonly string[] {
  if (path === '') return [];
  return path.split('/').map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}
