import { checkFields, checkNumber, checkOneOf, type DeclaredField } from '@storage/backend-kit';
import { type CommonOptions, invalidArgument, type SchemaOptions } from '@storage/core';
import type BetterSqlite3 from 'better-sqlite3';

/** Options of `createSqlite`. */
export interface SqliteOptions extends CommonOptions, SchemaOptions {
  /** The file, made when it is missing, with its folders; `':memory:'` for a store that is gone with the process. Missing: `./storage.sqlite`. */
  readonly path?: string | undefined;
  /** A better-sqlite3 database to use instead of `path`. It is set up as a store, and never closed. */
  readonly database?: BetterSqlite3.Database | undefined;
  /** Paths that get an index, as they stand in filters: `data.user.age`, `metadata.event_type`, `updatedAt`. Missing: none. */
  readonly fields?: readonly string[] | undefined;
  /** Opens an existing file for reading; writes are `permission_denied`. Missing: `false`. */
  readonly readOnly?: boolean | undefined;
  /** `normal`: a power cut may lose the last writes, a crash of the process loses none. `full`: neither does. Missing: `normal`. */
  readonly synchronous?: 'normal' | 'full' | undefined;
  /** How long a call waits while another process or a transaction writes, in milliseconds; over it `unavailable`. Missing: 5,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** The largest value, in bytes. Missing: 256 MiB. At most 512 MiB. */
  readonly maxValueBytes?: number | undefined;
  /** Memory for vectors that are searched again and again, in bytes; `0`: none. Missing: 64 MiB. */
  readonly vectorCacheBytes?: number | undefined;
}

/** Options, checked and complete. */
export interface SqliteSettings {
  readonly path: string;
  readonly memory: boolean;
  readonly database: BetterSqlite3.Database | undefined;
  readonly fields: readonly DeclaredField[];
  readonly readOnly: boolean;
  readonly synchronous: 'normal' | 'full';
  readonly busyTimeoutMs: number;
  readonly maxValueBytes: number;
  readonly vectorCacheBytes: number;
  readonly migrate: 'auto' | 'verify' | 'off';
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

const largestValue = 512 * 1024 * 1024;

/** Checks options and fills in what is missing. */
export function toSettings(options: SqliteOptions = {}): SqliteSettings {
  const { database, fields = [], readOnly = false, clock = Date.now, newId, defaultTimeoutMs } = options;
  const path: unknown = options.path ?? database?.name ?? './storage.sqlite';
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument("path is a file's path, or ':memory:'.", { path: 'path' });
  }
  if (options.path !== undefined && database !== undefined) {
    throw invalidArgument('path and database exclude one another.', { path: 'database' });
  }
  if (typeof readOnly !== 'boolean') throw invalidArgument('readOnly is true or false.', { path: 'readOnly' });
  const memory = database === undefined ? path === ':memory:' : database.memory;
  if (memory && readOnly) throw invalidArgument("':memory:' can't be opened for reading alone.", { path: 'readOnly' });
  return {
    path,
    memory,
    database,
    fields: checkFields(fields),
    readOnly,
    synchronous: checkOneOf(options.synchronous ?? 'normal', ['normal', 'full'], 'synchronous'),
    busyTimeoutMs: checkNumber(options.busyTimeoutMs ?? 5000, 0, 2 ** 31 - 1, 'busyTimeoutMs'),
    maxValueBytes: checkNumber(options.maxValueBytes ?? 256 * 1024 * 1024, 1, largestValue, 'maxValueBytes'),
    vectorCacheBytes: checkNumber(
      options.vectorCacheBytes ?? 64 * 1024 * 1024,
      0,
      Number.MAX_SAFE_INTEGER,
      'vectorCacheBytes',
    ),
    migrate: checkOneOf(options.migrate ?? 'auto', ['auto', 'verify', 'off'], 'migrate'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
