import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { invalidArgument, StorageError } from '@storage/core';
import { RecordChanges } from './filesystem-changes.ts';
import { codeOf } from './filesystem-errors.ts';
import { type Folders, openFolders } from './filesystem-folders.ts';
import { pathLayout } from './filesystem-layout.ts';
import { Locks, lockFolder } from './filesystem-locks.ts';
import { type NameRules, probeNames } from './filesystem-names.ts';
import type { FilesystemSettings } from './filesystem-options.ts';
import { newOwner } from './filesystem-owner.ts';
import type { RecordParts } from './filesystem-records.ts';
import { sidecarFolder } from './filesystem-sidecar.ts';
import { Staging, workFolder } from './filesystem-staging.ts';
import { RecordFiles } from './filesystem-store.ts';
import { Sweep } from './filesystem-sweep.ts';

/** The real path of the base, which is made where that is wanted. */
function openBase({ basePath, autoCreate }: FilesystemSettings): string {
  const path = resolve(basePath);
  try {
    if (autoCreate) mkdirSync(path, { recursive: true });
    const real = realpathSync(path);
    if (statSync(real).isDirectory()) return real;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' && !autoCreate) {
      throw new StorageError({
        code: 'not_found',
        message: `basePath ${basePath} is not there; make it, or leave autoCreate on.`,
        details: { path: 'basePath', basePath },
      });
    }
    // A part of the path, or its end.
    if (code !== 'ENOTDIR' && code !== 'EEXIST') throw error;
  }
  throw invalidArgument(`basePath ${basePath} is a file, or goes on below one; give it a folder.`, {
    path: 'basePath',
    basePath,
  });
}

const notWritable: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/** Whether this process can write below the base; `open` succeeds all the same, for what is there can be read. */
function isWritable(folders: Folders): boolean {
  try {
    for (const segments of [workFolder, lockFolder, sidecarFolder]) folders.use(segments, true).release();
    return true;
  } catch (error) {
    if (notWritable.has(codeOf(error))) return false;
    throw error;
  }
}

async function learnNames(folders: Folders, owner: string): Promise<NameRules> {
  try {
    return await probeNames(folders, owner, isWritable(folders));
  } catch (error) {
    if (!notWritable.has(codeOf(error))) throw error;
    return probeNames(folders, owner, false);
  }
}

/** What is open while a backend is. */
export class FilesystemEngine implements RecordParts {
  readonly files: RecordFiles;
  readonly changes: RecordChanges;
  readonly staging: Staging;
  readonly sweep: Sweep;
  readonly #path: string;
  readonly #folders: Folders;
  readonly #names: NameRules;
  readonly #locks: Locks;

  private constructor(settings: FilesystemSettings, path: string, folders: Folders, names: NameRules, owner: string) {
    this.#path = path;
    this.#folders = folders;
    this.#names = names;
    this.files = new RecordFiles(folders, pathLayout(settings.layout), names, settings.clock);
    this.staging = new Staging(folders, owner, settings.fsync, settings.clock);
    this.#locks = new Locks(folders, owner, settings.lockTimeoutMs);
    this.changes = new RecordChanges(this.files, this.staging, this.#locks);
    this.sweep = new Sweep(this.files, this.changes, owner);
  }

  static async open(settings: FilesystemSettings): Promise<FilesystemEngine> {
    const path = openBase(settings);
    const folders = openFolders(path);
    const owner = newOwner();
    try {
      return new FilesystemEngine(settings, path, folders, await learnNames(folders, owner), owner);
    } catch (error) {
      folders.close();
      throw error;
    }
  }

  /** For health: where it is, and how much room is left. */
  async facts(): Promise<{ readonly [name: string]: unknown }> {
    this.#folders.assertBase();
    const { bavail, bsize } = await statfs(this.#path);
    return { basePath: this.#path, freeBytes: bavail * bsize, exactNames: this.#names.exact };
  }

  async close(): Promise<void> {
    await this.sweep.settle();
    try {
      this.#locks.close();
    } finally {
      this.#folders.close();
    }
  }
}
