export { createPgvector, type PgvectorBackend } from './pgvector-backend.ts';
export type { PgvectorCapabilities } from './pgvector-capabilities.ts';
export type { PgvectorClient } from './pgvector-client.ts';
export type { PgvectorOptions } from './pgvector-options.ts';
export { pgvectorPlugin } from './pgvector-plugin.ts';
