import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { baseGone, codeOf, isMissing, notOurs } from './filesystem-errors.ts';

/** Absent on Windows, where a path can't be opened so. */
const noFollow = constants.O_NOFOLLOW ?? 0;
const folderFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | noFollow;

/** How long it is taken for granted that an open folder is still in its place: about one call. */
const seenMs = 2;

/** How often a folder is looked for that comes and goes. */
const maxAttempts = 20;

/** Most folders that are kept open for further use. */
const maxOpen = 64;

/** A folder below the base that is in use. */
export interface Folder {
  /** The path of an entry, for one call at once: made anew each time, for it may be checked. */
  path(name: string): string;
  /** Whether it is still the folder of its path: another may have taken its place, or none. */
  isThere(): boolean;
  /** The open folder itself; `undefined` where a system has none. */
  readonly fd: number | undefined;
  /** Ends the use. */
  release(): void;
}

/** The flags for opening files: never through a link, never waiting for the other end of a pipe. */
export const readFlags: number = constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0);
export const createFlags: number = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow;

/** Where Linux shows this process's open files: a path below it starts at the open folder itself, whatever has become of the folder's path. */
const descriptors = '/proc/self/fd';

class OpenFolder implements Folder {
  readonly fd: number;
  readonly key: string;
  readonly #via: string;
  readonly #where: string;
  #seenAt = Number.NEGATIVE_INFINITY;
  #uses = 0;
  #dropped = false;

  constructor(fd: number, key: string, where: string) {
    this.fd = fd;
    this.key = key;
    this.#where = where;
    this.#via = `${descriptors}/${fd}`;
  }

  get idle(): boolean {
    return this.#uses === 0;
  }

  isThere(): boolean {
    const there = readlinkSync(this.#via) === this.#where;
    this.#seenAt = there ? performance.now() : Number.NEGATIVE_INFINITY;
    return there;
  }

  /** As `isThere`, not asked twice within a moment. Who finds nothing in the folder asks again. */
  wasThere(): boolean {
    return performance.now() - this.#seenAt < seenMs || this.isThere();
  }

  path(name: string): string {
    return name === '' ? this.#via : `${this.#via}/${name}`;
  }

  use(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    if (--this.#uses === 0 && this.#dropped) closeSync(this.fd);
  }

  /** Closed as soon as nobody uses it. */
  drop(): void {
    this.#dropped = true;
    if (this.#uses === 0) closeSync(this.fd);
  }
}

/** Folders below the base. No link is followed on the way, and none that is put there later. */
export interface Folders {
  /** A folder by its segments; `undefined`: it is not there. `create` makes what is missing. */
  use(segments: readonly string[], create: false): Folder | undefined;
  use(segments: readonly string[], create: true): Folder;
  use(segments: readonly string[], create: boolean): Folder | undefined;
  /** Removes a folder and those above it, as far as they are empty. */
  prune(segments: readonly string[]): void;
  /** Throws when the base itself is gone, so that nobody takes what is missing for a miss. */
  assertBase(): void;
  close(): void;
}

/** Refuses what stands where a folder was looked for. Answers whether a file does; `false`: it is gone again, or is a folder by now. */
function isFileInstead(path: string, name: string, create: boolean): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isSymbolicLink()) throw notOurs(name, 'a symbolic link');
  if (there === undefined || there.isDirectory()) return false;
  if (create) throw Object.assign(new Error(`${name} is a file`), { code: 'ENOTDIR' });
  return true;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** Removes an empty folder. Answers whether it did. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST' || isMissing(error)) return false;
    throw error;
  }
}

/** On Linux: each folder is opened from the one above it, and entries are reached from the open folder. */
class AnchoredFolders implements Folders {
  readonly #basePath: string;
  readonly #base: OpenFolder;
  /** In order of use, the longest unused first. */
  readonly #open = new Map<string, OpenFolder>();

  constructor(basePath: string) {
    this.#basePath = basePath;
    this.#base = new OpenFolder(openSync(basePath, folderFlags), '', basePath).use();
  }

  use(segments: readonly string[], create: false): Folder | undefined;
  use(segments: readonly string[], create: true): Folder;
  use(segments: readonly string[], create: boolean): Folder | undefined;
  use(segments: readonly string[], create: boolean): Folder | undefined {
    if (segments.length === 0) return this.#base.use();
    const key = segments.join('/');
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#open.delete(key);
      // A folder that was moved or removed is not the one of this path any more.
      if (known.wasThere()) {
        this.#open.set(key, known);
        return known.use();
      }
      known.drop();
    }
    const parent = this.use(segments.slice(0, -1), create);
    if (parent === undefined) return undefined;
    try {
      const folder = this.#openBelow(parent, segments.at(-1) ?? '', key, create);
      if (folder !== undefined) this.#keep(folder);
      return folder?.use();
    } finally {
      parent.release();
    }
  }

  #openBelow(parent: Folder, name: string, key: string, create: boolean): OpenFolder | undefined {
    for (let attempt = 0; ; attempt++) {
      try {
        return new OpenFolder(openSync(parent.path(name), folderFlags), key, join(this.#basePath, key));
      } catch (error) {
        const code = codeOf(error);
        const other = code === 'ENOTDIR' || code === 'ELOOP';
        if (other && isFileInstead(parent.path(name), name, create)) return undefined;
        if (!other && code !== 'ENOENT') throw error;
        if (!other && !create) return undefined;
        // Somebody who empties folders may remove a new one before it is opened.
        if (attempt === maxAttempts) throw error;
      }
      if (create) makeFolder(parent.path(name));
    }
  }

  #keep(folder: OpenFolder): void {
    this.#open.set(folder.key, folder);
    if (this.#open.size <= maxOpen) return;
    for (const [key, old] of this.#open) {
      if (!old.idle || old === folder) continue;
      this.#open.delete(key);
      old.drop();
      return;
    }
  }

  prune(segments: readonly string[]): void {
    for (let depth = segments.length; depth > 0; depth--) {
      const parent = this.use(segments.slice(0, depth - 1), false);
      if (parent === undefined) return;
      try {
        if (!removeEmpty(parent.path(segments[depth - 1] ?? ''))) return;
      } finally {
        parent.release();
      }
    }
  }

  assertBase(): void {
    if (!this.#base.isThere() || fstatSync(this.#base.fd).nlink === 0) throw baseGone(this.#basePath);
  }

  close(): void {
    for (const folder of this.#open.values()) folder.drop();
    this.#open.clear();
    this.#base.drop();
    this.#base.release();
  }
}

/** Whether a path leads to a folder, and through no link. */
function isRealFolder(path: string): boolean {
  try {
    return realpathSync(path) === path && lstatSync(path).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Elsewhere: the real path of a folder is looked at before each use of one of its entries. */
class CheckedFolders implements Folders {
  readonly #basePath: string;

  constructor(basePath: string) {
    this.#basePath = basePath;
  }

  use(segments: readonly string[], create: false): Folder | undefined;
  use(segments: readonly string[], create: true): Folder;
  use(segments: readonly string[], create: boolean): Folder | undefined;
  use(segments: readonly string[], create: boolean): Folder | undefined {
    let path = this.#basePath;
    for (const name of segments) {
      const parent = path;
      path = join(parent, name);
      let there = lstatSync(path, { throwIfNoEntry: false });
      if (there === undefined && create) {
        makeFolder(path);
        there = lstatSync(path);
      }
      if (there === undefined) return undefined;
      if (isFileInstead(path, name, create)) return undefined;
    }
    return {
      fd: undefined,
      isThere: () => isRealFolder(path),
      path: (name) => {
        if (!isRealFolder(path)) throw notOurs(segments.at(-1) ?? '', 'not where it was');
        return name === '' ? path : join(path, name);
      },
      release: () => undefined,
    };
  }

  prune(segments: readonly string[]): void {
    for (let depth = segments.length; depth > 0; depth--) {
      const parent = this.use(segments.slice(0, depth - 1), false);
      if (parent === undefined || !removeEmpty(parent.path(segments[depth - 1] ?? ''))) return;
    }
  }

  assertBase(): void {
    const there = lstatSync(this.#basePath, { throwIfNoEntry: false });
    if (there === undefined || !there.isDirectory()) throw baseGone(this.#basePath);
  }

  close(): void {
    // Nothing is kept open.
  }
}

/** Whether entries can be reached from an open folder. */
function canAnchor(): boolean {
  return process.platform === 'linux' && lstatSync(descriptors, { throwIfNoEntry: false }) !== undefined;
}

/** The folders below a base, which is a real path. `anchored` is told by tests alone. */
export function openFolders(basePath: string, anchored: boolean = canAnchor()): Folders {
  return anchored ? new AnchoredFolders(basePath) : new CheckedFolders(basePath);
}
