import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { connectionFromEnv } from '@storage/sql/pg';
import { createPostgres, type PostgresBackend } from './postgres-backend.ts';
import type { PostgresOptions } from './postgres-options.ts';

function fromEnv(env: Environment): PostgresOptions {
  const { POSTGRES_FIELDS: fields } = env;
  return {
    ...connectionFromEnv(env),
    ...(fields !== undefined && { fields: fields.split(',').map((field) => field.trim()) }),
  };
}

/**
 * PostgreSQL as a plugin, under `postgres`, `postgresql` or `pg`. Its variables: `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_DB`,
 * `POSTGRES_USER`, `POSTGRES_PASSWORD`, or `POSTGRES_URL` in their place; `POSTGRES_SCHEMA`, `POSTGRES_FIELDS` (paths, separated
 * by commas).
 */
export const postgresPlugin: Plugin<'postgres', PostgresOptions, PostgresBackend> = definePlugin({
  name: 'postgres',
  contract: 1,
  fromEnv,
  create: (options) => createPostgres(options),
});
