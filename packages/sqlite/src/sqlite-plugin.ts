import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { createSqlite, type SqliteBackend } from './sqlite-backend.ts';
import type { SqliteOptions } from './sqlite-options.ts';

function fromEnv(env: Environment): SqliteOptions {
  const path = env['SQLITE_PATH'];
  const fields = env['SQLITE_FIELDS'];
  const synchronous = env['SQLITE_SYNCHRONOUS'];
  if (synchronous !== undefined && synchronous !== 'normal' && synchronous !== 'full') {
    throw invalidArgument('SQLITE_SYNCHRONOUS is normal or full.', { path: 'SQLITE_SYNCHRONOUS' });
  }
  return {
    ...(path !== undefined && { path }),
    ...(fields !== undefined && { fields: fields.split(',').map((field) => field.trim()) }),
    ...(synchronous !== undefined && { synchronous }),
  };
}

/** SQLite as a plugin. Its variables: `SQLITE_PATH`, `SQLITE_FIELDS` (paths, separated by commas), `SQLITE_SYNCHRONOUS`. */
export const sqlitePlugin: Plugin<'sqlite', SqliteOptions, SqliteBackend> = definePlugin({
  name: 'sqlite',
  contract: 1,
  fromEnv,
  create: (options) => createSqlite(options),
});
