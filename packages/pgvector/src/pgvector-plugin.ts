import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createPgvector, type PgvectorBackend } from './pgvector-backend.ts';
import type { PgvectorOptions } from './pgvector-options.ts';

function fromEnv(env: Environment): PgvectorOptions {
  const url = env['PGVECTOR_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Pgvector as a plugin. Its variable: `PGVECTOR_URL`. */
export const pgvectorPlugin: Plugin<'pgvector', PgvectorOptions, PgvectorBackend> = definePlugin({
  name: 'pgvector',
  contract: 1,
  fromEnv,
  create: (options) => createPgvector(options),
});
