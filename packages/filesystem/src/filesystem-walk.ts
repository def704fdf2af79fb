import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Call } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import { isMissing } from './filesystem-errors.ts';
import type { Folders } from './filesystem-folders.ts';
import type { PathLayout } from './filesystem-layout.ts';

/** The entries of a folder; none if it is missing. */
export async function readFolder(folders: Folders, segments: readonly string[]): Promise<readonly Dirent[]> {
  folders.assertBase();
  const folder = folders.use(segments, false);
  if (folder === undefined) return [];
  try {
    return await readdir(folder.path(''), { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  } finally {
    folder.release();
  }
}

/** Which keys of a namespace are wanted. */
export interface KeyRange {
  readonly prefix: string;
  readonly after: string | undefined;
}

interface Walk {
  readonly folders: Folders;
  readonly layout: PathLayout;
  readonly base: readonly string[];
  readonly range: KeyRange;
  readonly prefixPath: string;
  readonly afterPath: string | undefined;
  readonly call: Call;
}

/** Whether keys below a folder, given with a slash behind it, may be wanted. */
function mayHold({ prefixPath, afterPath }: Walk, path: string): boolean {
  if (!path.startsWith(prefixPath) && !prefixPath.startsWith(path)) return false;
  return afterPath === undefined || afterPath.startsWith(path) || compareCodePoints(path, afterPath) > 0;
}

async function* walkBelow(walk: Walk, path: string, below: readonly string[]): AsyncGenerator<string, void, undefined> {
  const { folders, layout, base, range, prefixPath, afterPath, call } = walk;
  call.check();
  const entries: string[] = [];
  for (const entry of await readFolder(folders, [...base, ...below])) {
    if (entry.isDirectory()) {
      // With a slash at its end a folder sorts where its keys do.
      const folder = `${path}${entry.name}/`;
      if ((path !== '' || layout.holdsKeys(entry.name)) && mayHold(walk, folder)) entries.push(folder);
    } else if (entry.isFile()) {
      const file = path + entry.name;
      if (file.startsWith(prefixPath) && (afterPath === undefined || compareCodePoints(file, afterPath) > 0))
        entries.push(file);
    }
  }
  entries.sort(compareCodePoints);
  for (const entry of entries) {
    if (entry.endsWith('/')) yield* walkBelow(walk, entry, [...below, entry.slice(path.length, -1)]);
    else {
      const key = layout.keyOf(entry);
      if (key?.startsWith(range.prefix)) yield key;
    }
  }
}

/** The keys of a namespace that have a file, in code point order. A folder is read when the walk comes to it. */
export function walkKeys(
  folders: Folders,
  layout: PathLayout,
  ns: string,
  range: KeyRange,
  call: Call,
): AsyncGenerator<string, void, undefined> {
  const walk: Walk = {
    folders,
    layout,
    base: layout.namespaceFolders(ns),
    range,
    prefixPath: layout.prefixPath(range.prefix),
    afterPath: range.after === undefined ? undefined : layout.keyPath(range.after),
    call,
  };
  return walkBelow(walk, '', []);
}

/** The escaped paths of the namespaces directly below one that have a folder, by code point. */
export async function childNamespaces(folders: Folders, layout: PathLayout, ns: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readFolder(folders, layout.namespaceFolders(ns))) {
    const name = entry.isDirectory() ? layout.namespaceOf(entry.name) : undefined;
    if (name !== undefined && name !== '') names.push(name);
  }
  return names.sort(compareCodePoints).map((name) => (ns === '' ? name : `${ns}/${name}`));
}

/** The escaped paths of all namespaces below one, each before those below it. */
export async function namespacesBelow(
  folders: Folders,
  layout: PathLayout,
  ns: string,
  call: Call,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const child of await childNamespaces(folders, layout, ns)) {
    call.check();
    found.push(child, ...(await namespacesBelow(folders, layout, child, call)));
  }
  return found;
}
