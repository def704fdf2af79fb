import { SafeKeyLayout } from '@storage/backend-kit';
import { invalidArgument, maxKeyBytes, StorageError, utf8Length } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';

/** The longest name of an object, in bytes. */
const maxNameBytes = 1024;
/** The longest part of a name that every server takes. */
const maxPartBytes = 255;
const layout = new SafeKeyLayout();

/** Where the keys of a namespace are listed. */
interface ListStart {
  /** What the names begin with. */
  readonly prefix: string;
  /** `''`: from the first one. */
  readonly startAfter: string;
}

/** How keys and namespaces become names of objects, and back. */
export interface S3Names {
  /** What the names of a namespace begin with. Its children lie below, in folders that begin with a hyphen. */
  folder(ns: string): string;
  /** The object of a key. `invalid_argument` for one that the layout can't name, `too_large` over 1,024 bytes. */
  name(ns: string, key: string): string;
  /** The key of an object in this folder; `undefined` for what is none of ours. */
  key(folder: string, name: string): string | undefined;
  /** Where to begin a list of the keys with this prefix, behind this key. */
  start(ns: string, prefix: string, after: string | undefined): ListStart;
  /** Whether no key behind this one can have the prefix. */
  beyond(key: string, prefix: string): boolean;
}

/** The escaped name of a child from its folder's name; `undefined` for what is none. */
export function childSegment(folder: string): string | undefined {
  return layout.namespaceOf(folder.slice(0, -1));
}

function folderOf(root: string, ns: string): string {
  const segments = layout.namespaceSegments(ns);
  return segments.length === 0 ? root : `${root}${segments.join('/')}/`;
}

function checkName(name: string, prefix: string): string {
  // Only a long namespace, a long prefix and a long key together come near it.
  if (name.length * 3 > maxNameBytes) {
    const actual = utf8Length(name);
    if (actual > maxNameBytes) {
      throw new StorageError({
        code: 'too_large',
        message: `The name of the object would have ${actual} bytes, with prefix, namespace and key; S3 takes ${maxNameBytes}. Shorten \`prefix\` (${prefix.length} bytes), the namespace or the key.`,
        applied: 'no',
        details: { limit: maxNameBytes, actual },
      });
    }
  }
  return name;
}

class SafeNames implements S3Names {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  folder(ns: string): string {
    return folderOf(this.#root, ns);
  }

  name(ns: string, key: string): string {
    return checkName(this.folder(ns) + layout.keySegments(key).join('/'), this.#root);
  }

  key(folder: string, name: string): string | undefined {
    return layout.keyOf(name.slice(folder.length).split('/'));
  }

  start(ns: string, prefix: string, after: string | undefined): ListStart {
    const folder = this.folder(ns);
    // The prefix as a key would be, without its end, sorts right before all that begin with it.
    const from = prefix === '' ? SafeKeyLayout.behindNamespaces : layout.keySegments(prefix).join('/').slice(0, -1);
    const behind = after === undefined ? '' : this.name(ns, after);
    return {
      prefix: folder + layout.prefixSegments(prefix).join('/'),
      startAfter: behind > folder + from ? behind : folder + from,
    };
  }

  beyond(key: string, prefix: string): boolean {
    return !key.startsWith(prefix) && compareCodePoints(key, prefix) > 0;
  }
}

/** What is not safe as a path, in words; `undefined` for what is. */
function pathFault(key: string): string | undefined {
  if (key.startsWith('-')) return 'begins with a hyphen, which namespaces begin with';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(key)) return 'has a backslash or a control character';
  for (const part of key.split('/')) {
    if (part === '') return 'has an empty part: a slash at an end, or two in a row';
    if (part === '.' || part === '..') return `has the part ${part}`;
    if (utf8Length(part) > maxPartBytes) return `has a part of over ${maxPartBytes} bytes`;
  }
  return undefined;
}

class PlainNames implements S3Names {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  folder(ns: string): string {
    return folderOf(this.#root, ns);
  }

  name(ns: string, key: string): string {
    const fault = pathFault(key);
    if (fault !== undefined) {
      throw invalidArgument(
        `key ${fault}, and layout 'plain' takes relative paths alone; rename it, or use layout 'safe'.`,
        { path: 'key' },
      );
    }
    return checkName(this.folder(ns) + key, this.#root);
  }

  key(folder: string, name: string): string | undefined {
    const key = name.slice(folder.length);
    return pathFault(key) === undefined && utf8Length(key) <= maxKeyBytes ? key : undefined;
  }

  start(ns: string, prefix: string, after: string | undefined): ListStart {
    const folder = this.folder(ns);
    return { prefix: folder + prefix, startAfter: after === undefined ? '' : folder + after };
  }

  beyond(): boolean {
    return false;
  }
}

export function createNames(layout: 'plain' | 'safe', prefix: string): S3Names {
  return layout === 'safe' ? new SafeNames(prefix) : new PlainNames(prefix);
}
