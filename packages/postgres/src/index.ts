export { createPostgres, type PostgresBackend } from './postgres-backend.ts';
export type { PostgresCapabilities } from './postgres-capabilities.ts';
export type { PostgresOptions } from './postgres-options.ts';
export { postgresPlugin } from './postgres-plugin.ts';
