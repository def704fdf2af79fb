import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';

/** Where the database is, and why, when that is not where one would look first. */
export interface DatabasePath {
  readonly path: string;
  readonly note: string | undefined;
}

/** Whether new files can be made in a folder that is there. */
function isWritableFolder(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch (error) {
    if (isFileError(error)) return false;
    throw error;
  }
}

function isFileError(error: unknown): error is { readonly code: string } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
}

/** Makes the folder of a file that was asked for, and sees that the file can be written. */
function assertWritable(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new ConfigError(`DB_PATH=${path} is a folder; name a file in it.`);
    if (found !== undefined) accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw new ConfigError(
      `DB_PATH=${path} can't be written (${error.code}); choose another file or change its rights.`,
    );
  }
}

/**
 * Where the database is to be. What was asked for is used or is an error; without it, it is the volume's folder where there is one
 * that can be written, else a folder under the current one.
 */
export function databasePath(
  asked: string | undefined,
  volume = '/data',
  current: string = process.cwd(),
): DatabasePath {
  if (asked !== undefined && asked !== '') {
    if (asked !== ':memory:') assertWritable(resolve(current, asked));
    return { path: asked === ':memory:' ? asked : resolve(current, asked), note: undefined };
  }
  if (isWritableFolder(volume)) return { path: join(volume, 'storage.db'), note: undefined };
  const path = join(current, 'data', 'storage.db');
  assertWritable(path);
  return { path, note: `DB_PATH is not set and ${volume} can't be written, so the data is kept in ${path}.` };
}
