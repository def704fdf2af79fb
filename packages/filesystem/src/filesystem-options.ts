import { type CommonOptions, invalidArgument } from '@storage/core';

/** How keys become paths below `basePath`. */
export type FilesystemLayout = 'plain' | 'safe';

/** Options of `createFilesystem`. */
export interface FilesystemOptions extends CommonOptions {
  /** The folder that holds everything. Relative: to the working directory when the backend is opened. Missing: `./storage`. */
  readonly basePath?: string | undefined;
  /** Whether `open` makes the folder when it is missing. Missing: `true`; `false`: its absence is `not_found`. */
  readonly autoCreate?: boolean | undefined;
  /** Whether JSON is written with line breaks and an indent of two. Missing: `true`. Read is any JSON. */
  readonly prettyJson?: boolean | undefined;
  /**
   * `plain`: a key is the path of its file, and keys that are no safe path are `invalid_argument`. `safe`: every legal key, under
   * names of letters and digits that no disk mixes up. A folder is used with one layout, always. Missing: `plain`.
   */
  readonly layout?: FilesystemLayout | undefined;
  /** Whether a write is on the disk, and not in the system's memory alone, before it is acknowledged: a power cut then loses none. Missing: `false`; a crash of the process loses none either way. */
  readonly fsync?: boolean | undefined;
  /** The largest value, in bytes, streams included. Missing: 256 MiB. */
  readonly maxValueBytes?: number | undefined;
  /** Memory for JSON that is read again and again; each read looks whether its file is still the same. `0`: none. Missing: 16 MiB. */
  readonly cacheBytes?: number | undefined;
  /** The most records one query may read; over it `scan_limit`. Missing: 10,000. */
  readonly scanLimit?: number | undefined;
  /** Milliseconds that a write waits for another process that writes the same key; over it `unavailable`. Missing: 10,000. */
  readonly lockTimeoutMs?: number | undefined;
}

/** Options, checked and complete. */
export interface FilesystemSettings {
  readonly basePath: string;
  readonly autoCreate: boolean;
  readonly prettyJson: boolean;
  readonly layout: FilesystemLayout;
  readonly fsync: boolean;
  readonly maxValueBytes: number;
  readonly cacheBytes: number;
  readonly scanLimit: number;
  readonly lockTimeoutMs: number;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

function flag(value: unknown, fallback: boolean, name: string): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgument(`${name} is true or false.`, { path: name });
  return value;
}

function whole(value: unknown, fallback: number, min: number, max: number, name: string): number {
  if (value === undefined) return fallback;
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
    throw invalidArgument(`${name} is a whole number from ${min} to ${max}.`, { path: name });
  return value as number;
}

/** Checks options and fills in what is missing. */
export function filesystemSettings(options: FilesystemOptions): FilesystemSettings {
  const { basePath = './storage', layout = 'plain', clock = Date.now, newId, defaultTimeoutMs } = options;
  const path: unknown = basePath;
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw invalidArgument("basePath is a folder's path.", { path: 'basePath' });
  if (layout !== 'plain' && layout !== 'safe')
    throw invalidArgument("layout is 'plain' or 'safe'.", { path: 'layout' });
  return {
    basePath,
    autoCreate: flag(options.autoCreate, true, 'autoCreate'),
    prettyJson: flag(options.prettyJson, true, 'prettyJson'),
    layout,
    fsync: flag(options.fsync, false, 'fsync'),
    maxValueBytes: whole(options.maxValueBytes, 256 * 1024 * 1024, 1, 2 ** 40, 'maxValueBytes'),
    cacheBytes: whole(options.cacheBytes, 16 * 1024 * 1024, 0, Number.MAX_SAFE_INTEGER, 'cacheBytes'),
    scanLimit: whole(options.scanLimit, 10_000, 1, Number.MAX_SAFE_INTEGER, 'scanLimit'),
    lockTimeoutMs: whole(options.lockTimeoutMs, 10_000, 1, 2 ** 31 - 1, 'lockTimeoutMs'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
