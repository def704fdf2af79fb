import { closeSync, fstatSync, linkSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { codeOf, isMissing } from './filesystem-errors.ts';
import { createFlags, type Folder, type Folders, readFlags } from './filesystem-folders.ts';
import { controlFolder } from './filesystem-layout.ts';
import { hasEnded } from './filesystem-owner.ts';
import { isTemporaryOf, workFolder } from './filesystem-staging.ts';

/** Locks have a folder of their own: they are made at once, and would wait for the temporary files that the thread pool makes in the other. */
export const lockFolder: readonly string[] = [controlFolder, 'locks'];

/** How long a lock holds when its owner does nothing. The work under it takes less than a thousandth of that. */
const leaseMs = 10_000;

/** A key that nobody else writes meanwhile, in whatever process. */
export interface Lock {
  /** Throws when the lease is over and somebody else may have the lock. To be called right before each change. */
  assertHeld(): void;
  release(): void;
}

interface Held {
  readonly owner: string;
  /** When its owner took or released a lock last. */
  readonly activeAt: number;
}

/** Removes a file. Answers whether it was there. */
export function removeNow(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** What a lock says. `undefined`: it is gone. */
function readLock(folder: Folder, name: string): Held | undefined {
  try {
    const fd = openSync(folder.path(name), readFlags);
    try {
      // Links to the owner's file change its inode, and with it the time of that.
      return { owner: readFileSync(fd, 'utf8'), activeAt: fstatSync(fd).ctimeMs };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether nobody is going to release a lock. */
function isStale({ owner, activeAt }: Held): boolean {
  return hasEnded(owner) === true || Date.now() - activeAt > leaseMs;
}

/** Makes a file that must not be there. Answers whether it was not. */
function makeFile(path: string, text: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, createFlags, 0o666);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(fd, text);
  } catch (error) {
    removeNow(path);
    throw error;
  } finally {
    closeSync(fd);
  }
  return true;
}

/**
 * Takes a lock away from who can't release it: first the files that it may be about to publish, so that an owner who was only
 * stopped for long publishes nothing afterwards, then the lock. One at a time does so, or the second would remove the lock of who
 * came next. Answers whether it did.
 */
export function breakIfStale(folders: Folders, folder: Folder, name: string, owner: string): boolean {
  const seen = readLock(folder, name);
  if (seen === undefined || !isStale(seen)) return false;
  const guard = `${name}.break`;
  if (!makeFile(folder.path(guard), owner)) {
    const other = readLock(folder, guard);
    if (other !== undefined && isStale(other)) removeNow(folder.path(guard));
    return false;
  }
  try {
    const held = readLock(folder, name);
    if (held === undefined || !isStale(held)) return false;
    removeTemporary(folders, held.owner, name);
    return removeNow(folder.path(name));
  } finally {
    removeNow(folder.path(guard));
  }
}

function removeTemporary(folders: Folders, owner: string, id: string): void {
  const work = folders.use(workFolder, false);
  if (work === undefined) return;
  try {
    for (const file of readdirSync(work.path(''))) if (isTemporaryOf(file, owner, id)) removeNow(work.path(file));
  } finally {
    work.release();
  }
}

const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Locks of keys, as files that can be made once: links to a file with the owner's name, which are the quickest to make. */
export class Locks {
  readonly #folders: Folders;
  readonly #owner: string;
  readonly #timeoutMs: number;

  constructor(folders: Folders, owner: string, timeoutMs: number) {
    this.#folders = folders;
    this.#owner = owner;
    this.#timeoutMs = timeoutMs;
  }

  /** Waits for the lock of a key. */
  async take(id: string, call: Call): Promise<Lock> {
    const name = `${id}.lock`;
    const until = performance.now() + this.#timeoutMs;
    for (let attempt = 1; ; attempt++) {
      const lock = this.#try(name);
      if (lock !== undefined) return lock;
      call.check();
      if (performance.now() > until) throw this.#busy();
      // The lock is held for less than a millisecond as a rule; waiters come at different times.
      await sleep(Math.random() * Math.min(2 ** attempt, 20));
    }
  }

  /** Removes the owner's file. */
  close(): void {
    try {
      const folder = this.#folders.use(lockFolder, false);
      if (folder === undefined) return;
      try {
        removeNow(folder.path(ownerFile(this.#owner)));
      } finally {
        folder.release();
      }
    } catch (error) {
      // What the system or the folder does not allow any more is left to a sweep.
      if (codeOf(error) === '') throw error;
    }
  }

  /** The lock if it is free. One that was left behind is free the next time. */
  #try(name: string): Lock | undefined {
    const folder = this.#folders.use(lockFolder, true);
    try {
      if (this.#make(folder, name)) return this.#held(name);
      breakIfStale(this.#folders, folder, name, this.#owner);
      return undefined;
    } finally {
      folder.release();
    }
  }

  #make(folder: Folder, name: string): boolean {
    const own = ownerFile(this.#owner);
    for (let attempt = 1; ; attempt++) {
      try {
        linkSync(folder.path(own), folder.path(name));
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'EEXIST') return false;
        if (noLinks.has(code)) return makeFile(folder.path(name), this.#owner);
        if (code !== 'ENOENT' || attempt > 2) throw error;
      }
      // At first use, or when somebody tidied up.
      makeFile(folder.path(own), this.#owner);
    }
  }

  #held(name: string): Lock {
    // By a clock that nobody sets; half a lease is left for the change itself.
    const until = performance.now() + leaseMs / 2;
    return {
      assertHeld: () => {
        if (performance.now() > until) throw this.#busy();
      },
      release: () => {
        const folder = this.#folders.use(lockFolder, false);
        if (folder === undefined) return;
        try {
          // After the lease it may be another's.
          if (performance.now() < until || readLock(folder, name)?.owner === this.#owner) removeNow(folder.path(name));
        } finally {
          folder.release();
        }
      },
    };
  }

  #busy(): StorageError {
    return new StorageError({
      code: 'unavailable',
      message: `Another process has been writing this key for over ${this.#timeoutMs} ms, or this one was stopped meanwhile; try again, or raise lockTimeoutMs.`,
      applied: 'no',
      details: { path: 'lockTimeoutMs' },
    });
  }
}

function ownerFile(owner: string): string {
  return `${owner}.owner`;
}
