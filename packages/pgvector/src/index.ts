export { hybridSearchFacet } from '@storage/domain';
export { createPgvector, type PgvectorBackend } from './pgvector-backend.ts';
export type { PgvectorCapabilities } from './pgvector-capabilities.ts';
export type { PgvectorIndexOptions, PgvectorOptions } from './pgvector-options.ts';
export { pgvectorPlugin } from './pgvector-plugin.ts';
