import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { connectionFromEnv } from '@storage/sql/pg';
import { createPgvector, type PgvectorBackend } from './pgvector-backend.ts';
import type { PgvectorIndexOptions, PgvectorOptions } from './pgvector-options.ts';

function fromEnv(env: Environment): PgvectorOptions {
  const {
    PGVECTOR_INDEX_TYPE: type,
    PGVECTOR_LISTS: lists,
    PGVECTOR_M: m,
    PGVECTOR_EF_CONSTRUCTION: efConstruction,
    PGVECTOR_EF_SEARCH: efSearch,
    PGVECTOR_PROBES: probes,
    PGVECTOR_LANGUAGE: language,
  } = env;
  const index: PgvectorIndexOptions = {
    ...(type !== undefined && { type: type as PgvectorIndexOptions['type'] }),
    ...(lists !== undefined && { lists: Number(lists) }),
    ...(m !== undefined && { m: Number(m) }),
    ...(efConstruction !== undefined && { efConstruction: Number(efConstruction) }),
  };
  return {
    ...connectionFromEnv(env),
    ...(Object.keys(index).length > 0 && { index }),
    ...(efSearch !== undefined && { efSearch: Number(efSearch) }),
    ...(probes !== undefined && { probes: Number(probes) }),
    ...(language !== undefined && { language }),
  };
}

/**
 * PostgreSQL with pgvector as a plugin. Its variables: those of PostgreSQL (`POSTGRES_HOST`, `_PORT`, `_DB`, `_USER`,
 * `_PASSWORD`, or `POSTGRES_URL` in their place, and `POSTGRES_SCHEMA`), and of new collections `PGVECTOR_INDEX_TYPE`,
 * `PGVECTOR_LISTS`, `PGVECTOR_M`, `PGVECTOR_EF_CONSTRUCTION`; of searches `PGVECTOR_EF_SEARCH`, `PGVECTOR_PROBES`,
 * `PGVECTOR_LANGUAGE`.
 */
export const pgvectorPlugin: Plugin<'pgvector', PgvectorOptions, PgvectorBackend> = definePlugin({
  name: 'pgvector',
  contract: 1,
  fromEnv,
  create: (options) => createPgvector(options),
});
