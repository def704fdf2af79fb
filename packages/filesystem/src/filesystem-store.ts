import { createHash } from 'node:crypto';
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { restless, unsafeKey } from './filesystem-errors.ts';
import { etagOf, type Identity, identityOf, lookAt, openExisting, sameFile } from './filesystem-files.ts';
import type { Folder, Folders } from './filesystem-folders.ts';
import { type PathLayout, type Place, placeOf } from './filesystem-layout.ts';
import { hasExactNames, type NameRules } from './filesystem-names.ts';
import { type Entry, entryOf, readSidecar, type Sidecar, sidecarFolder } from './filesystem-sidecar.ts';

/** How often a record is looked at that is replaced each time. */
const maxAttempts = 200;

/** A record's names. */
export interface Target {
  readonly ns: string;
  readonly key: string;
  readonly place: Place;
  /** Of its lock and its sidecar. */
  readonly id: string;
}

/** A record's file and what its sidecar says of it. */
export interface Found {
  readonly identity: Identity;
  /** Missing: nothing is written down of this file. */
  readonly entry: Entry | undefined;
  /** Where the entry was looked for; it may tell of other files alone. */
  readonly sidecar: Sidecar | undefined;
}

/** As long as it is open. */
export interface OpenFile extends Found {
  readonly fd: number;
}

/** The name of a record's lock and sidecar. */
export function recordName(ns: string, key: string): string {
  return createHash('sha256').update(`${ns}\0${key}`).digest('hex');
}

export function etagOfFound({ identity, entry }: Found): string {
  return entry?.etag ?? etagOf(identity);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
const ascii = /^[\u0000-\u007f]*$/;

/** Finds records and tells what is known of them. Changes nothing. */
export class RecordFiles {
  readonly folders: Folders;
  readonly layout: PathLayout;
  readonly #names: NameRules;
  readonly #clock: () => number;

  constructor(folders: Folders, layout: PathLayout, names: NameRules, clock: () => number) {
    this.folders = folders;
    this.layout = layout;
    this.#names = names;
    this.#clock = clock;
  }

  target(ns: string, key: string): Target {
    const place = placeOf(this.layout, ns, key);
    if (!this.#names.kept && !ascii.test(place.folders.join() + place.file))
      throw unsafeKey(key, 'has letters outside ASCII, which this disk writes in its own way');
    return { ns, key, place, id: recordName(ns, key) };
  }

  /** Whether a record is there and not expired. */
  live<F extends Found>(found: F | undefined): found is F {
    if (found === undefined) return false;
    const expiresAt = found.entry?.expiresAt ?? null;
    return expiresAt === null || expiresAt > this.#clock();
  }

  /** Whether a disk that takes different names for the same has this very name, or none. */
  exact(target: Target): boolean {
    return this.#names.exact || hasExactNames(this.folders, target.place);
  }

  /** The record's file, expired or not; `undefined`: there is none. */
  async look(target: Target): Promise<Found | undefined> {
    return this.#within(target, async (folder) => {
      const stats = lookAt(folder, target.place.file);
      if (stats === undefined) return undefined;
      const identity = identityOf(stats);
      return this.#describe(folder, target, identity);
    });
  }

  /** As `look`, with the file open; the caller closes it. */
  async open(target: Target): Promise<OpenFile | undefined> {
    return this.#within(target, (folder) => this.#openOnce(folder, target));
  }

  async #openOnce(folder: Folder, target: Target): Promise<OpenFile | 'replaced' | undefined> {
    const { file } = target.place;
    const fd = await openExisting(folder, file);
    if (fd === undefined) return undefined;
    let kept = false;
    try {
      const stats = fstatSync(fd, { bigint: true });
      if (!stats.isFile()) {
        // A folder is a miss; anything else is refused.
        lookAt(folder, file);
        return undefined;
      }
      const identity = identityOf(stats);
      const found = await this.#describe(folder, target, identity);
      if (found === 'replaced') return found;
      kept = true;
      return { fd, ...found };
    } finally {
      if (!kept) closeSync(fd);
    }
  }

  /** The sidecar as it is now; `undefined`: there is none. */
  sidecar(target: Target): Promise<Sidecar | undefined> | undefined {
    const folder = this.folders.use(sidecarFolder, false);
    if (folder === undefined) return undefined;
    // Most records have none, which is quickly told.
    const there = lstatSync(folder.path(target.id), { throwIfNoEntry: false }) !== undefined;
    if (there) return readSidecar(folder, target.id).finally(() => folder.release());
    folder.release();
    return undefined;
  }

  /** What is written down of a file. `replaced`: another took its place, and what the sidecar says may be of that one. */
  async #describe(folder: Folder, target: Target, identity: Identity): Promise<Found | 'replaced'> {
    const pending = this.sidecar(target);
    const sidecar = pending && (await pending);
    const entry = entryOf(sidecar, identity);
    if (entry === undefined) {
      const now = lookAt(folder, target.place.file);
      if (now === undefined || !sameFile(identityOf(now), identity)) return 'replaced';
    }
    return { identity, entry, sidecar };
  }

  /** Looks into a record's folder until what was found is not replaced meanwhile. Nothing is there only if the base is. */
  async #within<T>(
    target: Target,
    look: (folder: Folder) => Promise<T | 'replaced' | undefined>,
  ): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      const folder = this.folders.use(target.place.folders, false);
      if (folder === undefined) break;
      try {
        if (attempt > maxAttempts) throw restless(target.key);
        const found = this.exact(target) ? await look(folder) : undefined;
        if (found === 'replaced') continue;
        if (found !== undefined) return found;
        // A folder that is gone may have been made anew.
        if (target.place.folders.length === 0 || folder.isThere()) break;
        this.folders.assertBase();
      } finally {
        folder.release();
      }
    }
    this.folders.assertBase();
    return undefined;
  }
}
