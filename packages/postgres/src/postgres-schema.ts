import type { DeclaredField } from '@storage/backend-kit';
import { fieldIndexes, type MigrateMode, postgresDialect, recordSchema, recordTarget } from '@storage/sql';
import type { SchemaSettings } from '@storage/sql/pg';

/** The tables that this backend keeps, with an index for each declared field. */
export function recordTables(schema: string, mode: MigrateMode, fields: readonly DeclaredField[]): SchemaSettings {
  return {
    schema,
    mode,
    parts: [recordSchema],
    columns: {
      storage_records: ['namespace', 'key', 'etag', 'kind', 'metadata', 'data', 'bytes', 'stream', 'expires_at'],
      storage_streams: ['stream', 'retired_at'],
      storage_chunks: ['stream', 'n', 'bytes'],
    },
    indexes: fields.flatMap(({ name, path }) => {
      const target = recordTarget(path);
      return target === undefined ? [] : fieldIndexes(postgresDialect, name, target);
    }),
  };
}
