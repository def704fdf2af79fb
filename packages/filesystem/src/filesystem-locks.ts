import { closeSync, lstatSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { codeOf, isMissing } from './filesystem-errors.ts';
import { createFlags, type Folder, type Folders, readFlags } from './filesystem-folders.ts';
import { hasEnded } from './filesystem-owner.ts';
import { ownerOfTemporary, workFolder } from './filesystem-staging.ts';

/** How long a lock holds when its owner does not answer. The work under it takes less than a thousandth of that. */
export const leaseMs = 10_000;

/** A key that nobody else writes meanwhile, in whatever process. */
export interface Lock {
  /** Throws when the lease is over and somebody else may have the lock. To be called right before each change. */
  assertHeld(): void;
  release(): void;
}

interface Held {
  readonly owner: string;
  /** The temporary file that its owner is about to publish; `-`: none. */
  readonly staged: string;
  readonly expiresAt: number;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** What a lock file says. `undefined`: it is gone. */
function readLock(folder: Folder, name: string): Held | undefined {
  try {
    const fd = openSync(folder.path(name), readFlags);
    try {
      const [owner = '', staged = '-', expires = ''] = readFileSync(fd, 'utf8').split(' ');
      if (/^\d+$/.test(expires)) return { owner, staged, expiresAt: Number(expires) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  // Its owner ended, or is about to write into it.
  const made = lstatSync(folder.path(name), { throwIfNoEntry: false });
  return made && { owner: '', staged: '-', expiresAt: made.mtimeMs + leaseMs };
}

/** Whether nobody is going to release a lock. */
function isStale(held: { readonly owner: string; readonly expiresAt: number }): boolean {
  return held.expiresAt < Date.now() || hasEnded(held.owner) === true;
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
    removeQuietly(path);
    throw error;
  } finally {
    closeSync(fd);
  }
  return true;
}

/**
 * Takes a lock away from who can't release it: first the file that it was about to publish, so that an owner who was only
 * stopped for long publishes nothing afterwards, then the lock. One at a time does so, or the second would remove the lock of who
 * came next. Answers whether it did.
 */
export function breakIfStale(folder: Folder, name: string, owner: string): boolean {
  const first = readLock(folder, name);
  if (first === undefined || !isStale(first)) return false;
  const guard = `${name}.break`;
  if (!makeFile(folder.path(guard), `${owner} - ${Date.now() + leaseMs}`)) {
    const other = readLock(folder, guard);
    if (other !== undefined && isStale(other)) removeQuietly(folder.path(guard));
    return false;
  }
  try {
    const held = readLock(folder, name);
    if (held === undefined || !isStale(held)) return false;
    if (ownerOfTemporary(held.staged) === held.owner) removeQuietly(folder.path(held.staged));
    removeQuietly(folder.path(name));
    return true;
  } finally {
    removeQuietly(folder.path(guard));
  }
}

/** Locks of keys, as files that can be made once. */
export class Locks {
  readonly #folders: Folders;
  readonly #owner: string;
  readonly #timeoutMs: number;

  constructor(folders: Folders, owner: string, timeoutMs: number) {
    this.#folders = folders;
    this.#owner = owner;
    this.#timeoutMs = timeoutMs;
  }

  /** Waits for the lock of a key. `staged` is the temporary file that is to be published under it. */
  async take(id: string, staged: string | undefined, call: Call): Promise<Lock> {
    const name = `${id}.lock`;
    const until = performance.now() + this.#timeoutMs;
    for (let attempt = 1; ; attempt++) {
      const lock = this.#try(name, staged);
      if (lock !== undefined) return lock;
      call.check();
      if (performance.now() > until) throw this.#busy();
      // The lock is held for less than a millisecond as a rule; waiters come at different times.
      await sleep(Math.random() * Math.min(2 ** attempt, 20));
    }
  }

  /** The lock if it is free, or was left behind. */
  #try(name: string, staged: string | undefined): Lock | undefined {
    const folder = this.#folders.use(workFolder, true);
    try {
      const expiresAt = Date.now() + leaseMs;
      if (makeFile(folder.path(name), `${this.#owner} ${staged ?? '-'} ${expiresAt}`)) return this.#held(name);
      breakIfStale(folder, name, this.#owner);
      return undefined;
    } finally {
      folder.release();
    }
  }

  #held(name: string): Lock {
    // Of its own clock, which nobody sets; half a lease is left for the change itself.
    const until = performance.now() + leaseMs / 2;
    const assertHeld = (): void => {
      if (performance.now() > until) throw this.#busy();
    };
    return {
      assertHeld,
      release: () => {
        // After the lease it may be another's.
        if (performance.now() > until) return;
        const folder = this.#folders.use(workFolder, false);
        if (folder === undefined) return;
        try {
          removeQuietly(folder.path(name));
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
