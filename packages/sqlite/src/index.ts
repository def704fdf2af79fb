export { createSqlite, type SqliteBackend } from './sqlite-backend.ts';
export type { SqliteCapabilities } from './sqlite-capabilities.ts';
export type { SqliteOptions } from './sqlite-options.ts';
export { sqlitePlugin } from './sqlite-plugin.ts';
