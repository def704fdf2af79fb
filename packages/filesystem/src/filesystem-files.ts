import { type BigIntStats, fsync, lstatSync, open, read, rename, unlink, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf, isMissing, notOurs } from './filesystem-errors.ts';
import { type Folder, readFlags } from './filesystem-folders.ts';

// By callback inside: a third quicker than the promises of `node:fs`, which make an object for each file.
export const openFile: (path: string, flags: number, mode?: number) => Promise<number> = promisify(open);
export const syncFile: (fd: number) => Promise<void> = promisify(fsync);
export const renameFile: (from: string, to: string) => Promise<void> = promisify(rename);
const unlinkFile: (path: string) => Promise<void> = promisify(unlink);

/** What tells one state of a file from another. */
export interface Identity {
  readonly ino: bigint;
  readonly size: number;
  /** Modification time in microseconds since 1970. Files that this backend wrote have one of their own each. */
  readonly mtime: number;
  /** When anything about the file changed last, in nanoseconds: nobody can set it, and a rename may change it. */
  readonly changed: bigint;
}

export function identityOf(stats: BigIntStats): Identity {
  return { ino: stats.ino, size: Number(stats.size), mtime: Number(stats.mtimeNs / 1000n), changed: stats.ctimeNs };
}

export function sameFile(a: Identity, b: Identity): boolean {
  return a.mtime === b.mtime && a.size === b.size && a.ino === b.ino;
}

/** The etag of a file that has none written down. */
export function etagOf({ ino, size, mtime }: Omit<Identity, 'changed'>): string {
  return `${ino.toString(36)}-${size.toString(36)}-${mtime.toString(36)}`;
}

/** What is there under a name: a regular file, or nothing (`undefined`); a folder counts as nothing. Anything else is refused. */
export function lookAt(folder: Folder, name: string): BigIntStats | undefined {
  const stats = lstatSync(folder.path(name), { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || stats.isFile()) return stats;
  if (stats.isDirectory()) return undefined;
  throw notOurs(name, stats.isSymbolicLink() ? 'a symbolic link' : 'no regular file');
}

/** Opens a file for reading; `undefined`: there is none. */
export async function openExisting(folder: Folder, name: string): Promise<number | undefined> {
  try {
    return await openFile(folder.path(name), readFlags);
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO') {
      lookAt(folder, name);
      return undefined;
    }
    throw error;
  }
}

function readAt(fd: number, buffer: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, offset, buffer.length - offset, position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });
}

/** Fills the buffer from a position on. Answers how many bytes there were. */
export async function readInto(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const bytes = await readAt(fd, buffer, done, position + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}

function writeSome(fd: number, bytes: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) =>
      error === null ? resolve(written) : reject(error),
    );
  });
}

/** A new file of this size goes into memory at once, in less time than a trip through the thread pool takes. */
const smallBytes = 16 * 1024;

/** Appends all of the bytes. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += bytes.length <= smallBytes ? writeSync(fd, bytes, done) : await writeSome(fd, bytes, done);
}

/** Removes a file. Answers whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlinkFile(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
