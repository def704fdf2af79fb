import { closeSync, fstatSync, futimesSync } from 'node:fs';
import { type Identity, identityOf, openFile, removeFile, syncFile, writeAll } from './filesystem-files.ts';
import { createFlags, type Folder, type Folders } from './filesystem-folders.ts';
import { controlFolder } from './filesystem-layout.ts';

/** Temporary files are here: on the disk of the records, so that a rename publishes them at once. */
export const workFolder: readonly string[] = [controlFolder, 'work'];

const temporaryPattern = /^(.+)-[0-9a-f]{12}-[0-9a-z]+\.tmp$/;

/** The owner of a temporary file, by its name; `undefined`: it is none. */
export function ownerOfTemporary(name: string): string | undefined {
  return temporaryPattern.exec(name)?.[1];
}

/** Whether a temporary file is an owner's for this key. */
export function isTemporaryOf(name: string, owner: string, id: string): boolean {
  return ownerOfTemporary(name) === owner && name.startsWith(`${owner}-${id.slice(0, 12)}-`);
}

/** A file that is written whole, and not yet anybody's. */
export interface Staged {
  readonly name: string;
  readonly identity: Identity;
}

/** Writes files that are published by a rename. */
export class Staging {
  readonly #folders: Folders;
  readonly #owner: string;
  readonly #sync: boolean;
  readonly #clock: () => number;
  #made = 0;
  #lastTime = 0;

  constructor(folders: Folders, owner: string, sync: boolean, clock: () => number) {
    this.#folders = folders;
    this.#owner = owner;
    this.#sync = sync;
    this.#clock = clock;
  }

  /**
   * A time that no file of this backend had before, in microseconds: inode numbers are used again and the system's own stamps
   * are some milliseconds wide, so that two files could not be told apart by them.
   */
  #stamp(): number {
    const start = Math.trunc(this.#clock()) * 1000;
    // Within a clock that stands still the microseconds go round.
    this.#lastTime = this.#lastTime < start ? start : start + ((this.#lastTime + 1) % 1000);
    return this.#lastTime;
  }

  /** Writes the chunks into a file of its own, whose name tells for which key. What fails leaves none. */
  async stage(id: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Staged> {
    const name = `${this.#owner}-${id.slice(0, 12)}-${(++this.#made).toString(36)}.tmp`;
    const folder = this.#folders.use(workFolder, true);
    try {
      const fd = await openFile(folder.path(name), createFlags, 0o666);
      try {
        for await (const chunk of chunks) await writeAll(fd, chunk);
        // A little over the microsecond: seconds with a fraction are cut off below it.
        const stamp = (this.#stamp() + 0.4) / 1e6;
        futimesSync(fd, stamp, stamp);
        if (this.#sync) await syncFile(fd);
        return { name, identity: identityOf(fstatSync(fd, { bigint: true })) };
      } catch (error) {
        await removeFile(folder.path(name));
        throw error;
      } finally {
        closeSync(fd);
      }
    } finally {
      folder.release();
    }
  }

  /** Removes a file that was not published. */
  async discard(staged: Staged): Promise<void> {
    const folder = this.#folders.use(workFolder, false);
    try {
      if (folder !== undefined) await removeFile(folder.path(staged.name));
    } finally {
      folder?.release();
    }
  }

  /** Makes what was renamed in or out of a folder outlast a power cut. */
  async settle(folder: Folder): Promise<void> {
    if (this.#sync && folder.fd !== undefined) await syncFile(folder.fd);
  }
}
