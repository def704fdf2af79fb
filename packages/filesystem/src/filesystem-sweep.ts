import { lstatSync } from 'node:fs';
import { type Call, unboundedCall } from '@storage/backend-kit';
import { isStorageError } from '@storage/core';
import type { RecordChanges } from './filesystem-changes.ts';
import type { Folder } from './filesystem-folders.ts';
import { breakIfStale, lockFolder, removeNow } from './filesystem-locks.ts';
import { hasEnded } from './filesystem-owner.ts';
import { readSidecar, type Sidecar, sidecarFolder } from './filesystem-sidecar.ts';
import { ownerOfTemporary, workFolder } from './filesystem-staging.ts';
import { type RecordFiles, recordName, type Target } from './filesystem-store.ts';
import { readFolder } from './filesystem-walk.ts';

/** After so many writes a step is made. */
const writesPerStep = 256;
/** Sidecars that a step looks at. */
const stepSize = 128;
/** Files of processes that can't be asked whether they run are kept so long. */
const unknownOwnerMs = 24 * 60 * 60 * 1000;

/** What a whole sweep removed. */
export interface Swept {
  readonly expired: number;
  readonly leftovers: number;
}

/** Removes expired records and what ended processes left. It has no timer: writes drive it, a bounded step at a time. */
export class Sweep {
  readonly #owner: string;
  readonly #files: RecordFiles;
  readonly #changes: RecordChanges;
  /** Names of sidecars that this round still has to look at. */
  #left: string[] = [];
  #writes = 0;
  #running: Promise<unknown> | undefined;

  constructor(files: RecordFiles, changes: RecordChanges, owner: string) {
    this.#owner = owner;
    this.#files = files;
    this.#changes = changes;
  }

  /** Counts a write, and begins a step when it is time for one. */
  written(): void {
    if (++this.#writes < writesPerStep || this.#running !== undefined) return;
    this.#writes = 0;
    this.#running = this.#step().finally(() => {
      this.#running = undefined;
    });
    // Whoever writes next finds out what is wrong; a sweep comes again.
    this.#running.catch(() => undefined);
  }

  /** Resolves when no step is under way. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#running]);
  }

  /** Looks at everything once. */
  async all(call: Call): Promise<Swept> {
    let leftovers = await this.#leftovers();
    let expired = 0;
    for (const name of await this.#sidecars()) {
      call.check();
      const done = await this.#examine(name, call);
      if (done === 'expired') expired++;
      if (done === 'tidied') leftovers++;
    }
    return { expired, leftovers };
  }

  async #step(): Promise<void> {
    if (this.#left.length === 0) {
      await this.#leftovers();
      this.#left = await this.#sidecars();
    }
    for (const name of this.#left.splice(0, stepSize)) await this.#examine(name, unboundedCall);
  }

  async #sidecars(): Promise<string[]> {
    const entries = await readFolder(this.#files.folders, sidecarFolder);
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  /** Removes temporary files and locks whose owners have ended. Answers how many. */
  async #leftovers(): Promise<number> {
    const { folders } = this.#files;
    let removed = 0;
    for (const segments of [workFolder, lockFolder]) {
      for (const entry of await readFolder(folders, segments)) {
        const folder = entry.isFile() ? folders.use(segments, false) : undefined;
        if (folder === undefined) continue;
        try {
          if (this.#removeLeftover(folder, entry.name)) removed++;
        } finally {
          folder.release();
        }
      }
    }
    return removed;
  }

  #removeLeftover(folder: Folder, name: string): boolean {
    if (name.endsWith('.lock')) return breakIfStale(this.#files.folders, folder, name, this.#owner);
    return isLeftover(folder, name) && removeNow(folder.path(name));
  }

  async #examine(name: string, call: Call): Promise<'expired' | 'tidied' | undefined> {
    const sidecar = await this.#read(name);
    if (sidecar === undefined) return undefined;
    // One under another's name, or of a key that this layout can't have, is none of ours.
    const target = recordName(sidecar.ns, sidecar.key) === name ? this.#target(sidecar) : undefined;
    if (target === undefined) return undefined;
    const found = await this.#files.look(target);
    if (found !== undefined && !this.#files.live(found)) {
      await this.#changes.remove(target, { expired: true }, call);
      return 'expired';
    }
    if (found?.entry !== undefined && sidecar.entries.length === 1) return undefined;
    return (await this.#changes.tidy(target, call)) ? 'tidied' : undefined;
  }

  #target({ ns, key }: Sidecar): Target | undefined {
    try {
      return this.#files.target(ns, key);
    } catch (error) {
      if (isStorageError(error, 'invalid_argument')) return undefined;
      throw error;
    }
  }

  /** A sidecar that can't be read is left for who reads its record, and told there. */
  async #read(name: string): Promise<Sidecar | undefined> {
    const folder = this.#files.folders.use(sidecarFolder, false);
    if (folder === undefined) return undefined;
    try {
      return await readSidecar(folder, name);
    } catch (error) {
      if (isStorageError(error, 'corrupt')) return undefined;
      throw error;
    } finally {
      folder.release();
    }
  }
}

/** Whether nobody will use a file any more. */
function isLeftover(folder: Folder, name: string): boolean {
  const owner = name.endsWith('.owner') ? name.slice(0, -'.owner'.length) : ownerOfTemporary(name);
  const ended = owner === undefined ? undefined : hasEnded(owner);
  if (ended !== undefined) return ended;
  const stats = lstatSync(folder.path(name), { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > unknownOwnerMs;
}
