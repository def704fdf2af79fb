import { closeSync, fstatSync, futimesSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { StorageError } from '@storage/core';
import { removeFile } from './filesystem-files.ts';
import { createFlags, type Folder, type Folders } from './filesystem-folders.ts';
import type { Place } from './filesystem-layout.ts';
import { workFolder } from './filesystem-staging.ts';

/** How a file system treats names. */
export interface NameRules {
  /** Whether names that differ in case, or in how Unicode writes a letter, are different names. */
  readonly exact: boolean;
  /** Whether names are listed as they were given. */
  readonly kept: boolean;
}

/** What holds where nothing can be written to find out. */
function customary(): NameRules {
  const exact = process.platform !== 'darwin' && process.platform !== 'win32';
  return { exact, kept: true };
}

/** In seconds: a time with microseconds. */
const sampleTime = 1_700_000_000 + 0.123_456_4;

/** Refuses a disk that does not keep the microseconds of the sample: states of a file could not be told apart there. */
export function assertFineTimes(mtimeNs: bigint): void {
  if (mtimeNs / 1000n === 1_700_000_000_123_456n) return;
  throw new StorageError({
    code: 'unsupported',
    message:
      'The disk of basePath keeps the times of files too coarsely to tell their states apart, as FAT does; choose a basePath on another disk.',
    details: { path: 'basePath' },
  });
}

/** Finds out how the disk treats names, by a file that is made and removed. `writable` false: by custom. */
export async function probeNames(folders: Folders, owner: string, writable: boolean): Promise<NameRules> {
  if (!writable) return customary();
  const folder = folders.use(workFolder, true);
  // As one letter, and as a letter with an accent behind it.
  const name = `${owner}-\u00e9`;
  const others = [`${owner.toUpperCase()}-\u00e9`, `${owner}-e\u0301`];
  try {
    const fd = openSync(folder.path(name), createFlags, 0o666);
    try {
      futimesSync(fd, sampleTime, sampleTime);
      assertFineTimes(fstatSync(fd, { bigint: true }).mtimeNs);
    } finally {
      closeSync(fd);
    }
    const exact = others.every((other) => lstatSync(folder.path(other), { throwIfNoEntry: false }) === undefined);
    return { exact, kept: readdirSync(folder.path('')).includes(name) };
  } finally {
    await removeFile(folder.path(name));
    folder.release();
  }
}

function holds(folder: Folder, name: string): boolean {
  return readdirSync(folder.path('')).includes(name);
}

/** Whether what is found under a place has exactly these names, and none that the disk takes for the same. What is not there at all has. */
export function hasExactNames(folders: Folders, { folders: segments, file }: Place): boolean {
  const names = [...segments, file];
  for (const [depth, name] of names.entries()) {
    const folder = folders.use(names.slice(0, depth), false);
    if (folder === undefined) return true;
    try {
      if (lstatSync(folder.path(name), { throwIfNoEntry: false }) === undefined) return true;
      if (!holds(folder, name)) return false;
    } finally {
      folder.release();
    }
  }
  return true;
}
