import { SafeKeyLayout } from '@storage/backend-kit';
import { maxKeyBytes } from '@storage/core';
import { unsafeKey } from './filesystem-errors.ts';
import type { FilesystemLayout } from './filesystem-options.ts';

/** Where a record's file is, below the base. */
export interface Place {
  readonly folders: readonly string[];
  readonly file: string;
}

/** How keys and namespaces become paths. Paths of one namespace, joined by `/`, are in the order of their keys. */
export interface PathLayout {
  /** The folders of a namespace, given as its escaped path. */
  namespaceFolders(ns: string): readonly string[];
  /** The escaped name of the namespace that has this folder, directly below its parent's; `undefined`: it is none's. */
  namespaceOf(folder: string): string | undefined;
  /** The path of a key below its namespace. Refuses what the layout can't hold. */
  keyPath(key: string): string;
  /** What the paths of all keys that begin so begin with. */
  prefixPath(prefix: string): string;
  /** The key of a path below its namespace; `undefined`: it is no record's. */
  keyOf(path: string): string | undefined;
  /** Whether a folder directly below a namespace's may hold keys of it. */
  holdsKeys(folder: string): boolean;
}

/** Everything that is not a record is in this folder of the base. */
export const controlFolder = '.storage';

const safe = new SafeKeyLayout('.rec');

const safeLayout: PathLayout = {
  namespaceFolders: (ns) => safe.namespaceSegments(ns),
  namespaceOf: (folder) => safe.namespaceOf(folder),
  keyPath: (key) => safe.keySegments(key).join('/'),
  prefixPath: (prefix) => safe.prefixSegments(prefix).join('/'),
  keyOf: (path) => safe.keyOf(path.split('/')),
  holdsKeys: (folder) => safe.isKeyFolder(folder),
};

const maxSegmentBytes = 255;
const namespaceMark = '@';
/** Namespaces whose names every disk keeps apart stand as they are. */
const readableName = /^[a-z0-9](?:[a-z0-9._-]{0,94}[a-z0-9_-])?$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const controlCharacters = /[\u0000-\u001f\u007f]/;
const windowsCharacters = /[<>:"|?*]/;
const windowsNames = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** What is wrong with a key as a path; `undefined`: nothing. */
function fault(key: string): string | undefined {
  if (key.includes('\\')) return 'has a backslash';
  if (controlCharacters.test(key)) return 'has a control character';
  const segments = key.split('/');
  if (segments[0] === controlFolder) return `begins with the reserved folder ${controlFolder}`;
  if (segments[0]?.startsWith(namespaceMark)) return `begins with ${namespaceMark}, which marks a namespace`;
  for (const segment of segments) {
    if (segment === '') return 'has an empty part before, between or behind its slashes';
    if (segment === '.' || segment === '..') return `has a part ${segment}`;
    if (Buffer.byteLength(segment) > maxSegmentBytes) return `has a part of over ${maxSegmentBytes} bytes`;
    if (process.platform !== 'win32') continue;
    if (windowsCharacters.test(segment) || windowsNames.test(segment) || /[. ]$/.test(segment))
      return 'has a part that Windows does not take';
  }
  return undefined;
}

/** Names of files can be longer than a key, and on some disks are no Unicode. */
function isKey(path: string): boolean {
  return path.isWellFormed() && Buffer.byteLength(path) <= maxKeyBytes;
}

const plainLayout: PathLayout = {
  namespaceFolders: (ns) =>
    ns === ''
      ? []
      : ns
          .split('/')
          .map((name) => namespaceMark + (readableName.test(name) ? name : (safe.namespaceSegments(name)[0] ?? ''))),
  namespaceOf: (folder) => {
    if (!folder.startsWith(namespaceMark)) return undefined;
    const name = folder.slice(1);
    if (readableName.test(name)) return name;
    const encoded = safe.namespaceOf(name);
    // A readable name has one folder, not two.
    return encoded === undefined || readableName.test(encoded) ? undefined : encoded;
  },
  keyPath: (key) => {
    const what = fault(key);
    if (what !== undefined) throw unsafeKey(key, what);
    return key;
  },
  prefixPath: (prefix) => prefix,
  keyOf: (path) => (fault(path) === undefined && isKey(path) ? path : undefined),
  holdsKeys: (folder) => folder !== controlFolder && !folder.startsWith(namespaceMark),
};

export function pathLayout(layout: FilesystemLayout): PathLayout {
  return layout === 'safe' ? safeLayout : plainLayout;
}

/** Where a record's file is. */
export function placeOf(layout: PathLayout, ns: string, key: string): Place {
  const segments = layout.keyPath(key).split('/');
  const file = segments.pop() ?? '';
  return { folders: ns === '' ? segments : [...layout.namespaceFolders(ns), ...segments], file };
}
