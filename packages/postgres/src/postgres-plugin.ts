import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createPostgres, type PostgresBackend } from './postgres-backend.ts';
import type { PostgresOptions } from './postgres-options.ts';

function fromEnv(env: Environment): PostgresOptions {
  const url = env['POSTGRES_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Postgres as a plugin. Its variable: `POSTGRES_URL`. */
export const postgresPlugin: Plugin<'postgres', PostgresOptions, PostgresBackend> = definePlugin({
  name: 'postgres',
  contract: 1,
  fromEnv,
  create: (options) => createPostgres(options),
});
