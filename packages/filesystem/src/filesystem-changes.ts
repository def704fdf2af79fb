import { lstatSync, rmdirSync } from 'node:fs';
import type { Call, WriteHead } from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import { alreadyExists, codeOf, conflict, isMissing, unsafeKey } from './filesystem-errors.ts';
import { etagOf, removeFile, renameFile } from './filesystem-files.ts';
import type { Folder } from './filesystem-folders.ts';
import type { Lock, Locks } from './filesystem-locks.ts';
import { type Entry, needsSidecar, type Sidecar, sidecarFolder, writeSidecar } from './filesystem-sidecar.ts';
import { type Staged, type Staging, workFolder } from './filesystem-staging.ts';
import { etagOfFound, type Found, type RecordFiles, type Target } from './filesystem-store.ts';

/** How often a folder that others empty and remove is made again. */
const maxAttempts = 20;

/** What is there when a change begins. */
interface State {
  readonly found: Found | undefined;
  readonly sidecar: Sidecar | undefined;
}

/** Runs what comes after a change; what fails there leaves the change in place. */
async function afterwards(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new StorageError({
      code: 'unavailable',
      message:
        'The change was made, but it may not outlast a power cut, or something behind it could not be tidied; see the cause.',
      applied: 'unknown',
      cause: error,
    });
  }
}

/** Changes records, each under its lock, so that whatever ends this process leaves the old record or the new. */
export class RecordChanges {
  readonly #files: RecordFiles;
  readonly #staging: Staging;
  readonly #locks: Locks;

  constructor(files: RecordFiles, staging: Staging, locks: Locks) {
    this.#files = files;
    this.#staging = staging;
    this.#locks = locks;
  }

  /** Puts a staged file in the record's place. The file is published or removed, whatever happens. */
  async publish(target: Target, head: WriteHead, staged: Staged, call: Call): Promise<Entry> {
    try {
      return await this.#locked(target, call, async (lock) => {
        if (!this.#files.exact(target))
          throw unsafeKey(target.key, 'differs from one that is there in case or Unicode form alone');
        const state = await this.#state(target);
        this.#check(head, state.found);
        const entry = this.#entry(head, staged);
        const needed = needsSidecar(head);
        if (needed) await this.#writeSidecar(target, [state.found?.entry, entry], lock);
        const folder = await this.#rename(target, staged, lock);
        try {
          await afterwards(async () => {
            await this.#staging.settle(folder);
            if (!needed && state.sidecar !== undefined) await this.#removeSidecar(target);
          });
        } finally {
          folder.release();
        }
        return entry;
      });
    } catch (error) {
      await this.#staging.discard(staged);
      throw error;
    }
  }

  /** Removes a record. Answers whether it was there. `etag`: only if it has it. `expired`: only if it is. */
  async remove(
    target: Target,
    condition: { readonly etag?: string | undefined; readonly expired?: true },
    call: Call,
  ): Promise<boolean> {
    return this.#locked(target, call, async (lock) => {
      const { found, sidecar } = await this.#state(target);
      const live = this.#files.live(found);
      if (condition.etag !== undefined && !(live && etagOfFound(found) === condition.etag)) throw conflict(target.key);
      if (found !== undefined && !(condition.expired && live)) await this.#removeFile(target, lock);
      if (sidecar !== undefined && (found === undefined || !(condition.expired && live)))
        await afterwards(() => this.#removeSidecar(target));
      if (found !== undefined && target.place.folders.length > 0) this.#files.folders.prune(target.place.folders);
      return live;
    });
  }

  /** Changes the expiry alone. Answers whether the record was there. `fallback`: what is known of a file of which nothing is written down. */
  async touch(
    target: Target,
    expiresAt: number | null,
    fallback: (found: Found) => Promise<Pick<Entry, 'kind' | 'contentType'>>,
    call: Call,
  ): Promise<boolean> {
    return this.#locked(target, call, async (lock) => {
      const { found } = await this.#state(target);
      if (!this.#files.live(found)) return false;
      const { identity, entry } = found;
      if (entry === undefined && expiresAt === null) return true;
      const known: Omit<Entry, 'expiresAt'> = entry ?? {
        size: identity.size,
        mtime: identity.mtime,
        etag: etagOf(identity),
        metadata: '{}',
        ...(await fallback(found)),
      };
      await this.#writeSidecar(target, [{ ...known, expiresAt }], lock);
      return true;
    });
  }

  /** Removes what a sidecar says of files that are not there. Answers whether anything was. */
  async tidy(target: Target, call: Call): Promise<boolean> {
    return this.#locked(target, call, async (lock) => {
      const { found, sidecar } = await this.#state(target);
      if (sidecar === undefined) return false;
      if (found?.entry !== undefined) {
        if (sidecar.entries.length === 1) return false;
        await this.#writeSidecar(target, [found.entry], lock);
      } else await this.#removeSidecar(target);
      return true;
    });
  }

  async #locked<T>(target: Target, call: Call, work: (lock: Lock) => Promise<T>): Promise<T> {
    const lock = await this.#locks.take(target.id, call);
    try {
      return await work(lock);
    } finally {
      lock.release();
    }
  }

  async #state(target: Target): Promise<State> {
    try {
      const found = await this.#files.look(target);
      return { found, sidecar: found === undefined ? await this.#files.sidecar(target) : found.sidecar };
    } catch (error) {
      if (!isStorageError(error, 'corrupt')) throw error;
      // A sidecar that can't be read must not keep a record from being stored anew or removed.
      await this.#removeSidecar(target);
      return { found: await this.#files.look(target), sidecar: undefined };
    }
  }

  #check({ key, condition }: WriteHead, found: Found | undefined): void {
    if (condition === undefined) return;
    const present = this.#files.live(found) ? found : undefined;
    if (condition.type === 'absent') {
      if (present !== undefined) throw alreadyExists(key, etagOfFound(present));
    } else if (present === undefined || etagOfFound(present) !== condition.etag) throw conflict(key);
  }

  #entry(head: WriteHead, { identity: { ino, size, mtime } }: Staged): Entry {
    const { kind, contentType, metadata, ttlMs } = head;
    return {
      size,
      mtime,
      etag: needsSidecar(head) ? head.etag : etagOf({ ino, size, mtime }),
      kind,
      contentType,
      metadata,
      expiresAt: ttlMs === null ? null : Math.floor(mtime / 1000) + ttlMs,
    };
  }

  async #writeSidecar(target: Target, entries: readonly (Entry | undefined)[], lock: Lock): Promise<void> {
    const { ns, key, id } = target;
    const sidecar = { ns, key, entries: entries.filter((entry) => entry !== undefined) };
    await writeSidecar(this.#files.folders, this.#staging, id, sidecar, lock);
  }

  async #removeSidecar(target: Target): Promise<void> {
    const folder = this.#files.folders.use(sidecarFolder, false);
    try {
      if (folder !== undefined) await removeFile(folder.path(target.id));
    } finally {
      folder?.release();
    }
  }

  async #removeFile(target: Target, lock: Lock): Promise<void> {
    const folder = this.#files.folders.use(target.place.folders, false);
    if (folder === undefined) return;
    try {
      lock.assertHeld();
      await removeFile(folder.path(target.place.file));
      await afterwards(() => this.#staging.settle(folder));
    } finally {
      folder.release();
    }
  }

  /** Renames the staged file into its place. Answers the folder, which the caller releases. */
  async #rename(target: Target, staged: Staged, lock: Lock): Promise<Folder> {
    const { folders } = this.#files;
    const { place, key } = target;
    for (let attempt = 1; ; attempt++) {
      const folder = this.#makeFolder(target);
      const work = folders.use(workFolder, true);
      try {
        lock.assertHeld();
        await renameFile(work.path(staged.name), folder.path(place.file));
        return folder;
      } catch (error) {
        try {
          const code = codeOf(error);
          if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EPERM') {
            const there = lstatSync(folder.path(place.file), { throwIfNoEntry: false });
            if (!there?.isDirectory()) throw error;
            removeIfEmpty(folder.path(place.file), key);
          } else if (code !== 'ENOENT') throw error;
          else if (lstatSync(work.path(staged.name), { throwIfNoEntry: false }) === undefined) throw lost();
          // Otherwise the folder was emptied and removed by somebody else just now.
          if (attempt === maxAttempts) throw error;
        } finally {
          folder.release();
        }
      } finally {
        work.release();
      }
    }
  }

  #makeFolder({ place, key }: Target): Folder {
    try {
      return this.#files.folders.use(place.folders, true);
    } catch (error) {
      if (codeOf(error) === 'ENOTDIR') throw unsafeKey(key, 'goes on below another key, which is a file');
      throw error;
    }
  }
}

/** Whoever thought this process dead took its lock and its file. */
function lost(): StorageError {
  return new StorageError({
    code: 'unavailable',
    message: 'This process was stopped for so long that another took over the key; nothing was stored, try again.',
    applied: 'no',
  });
}

function removeIfEmpty(path: string, key: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isMissing(error)) throw unsafeKey(key, 'is the folder of other keys');
  }
}
