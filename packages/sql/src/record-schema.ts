import type { Dialect, IndexBody } from './dialect.ts';
import type { FilterTarget } from './filter.ts';
import { quoteName } from './fragment.ts';
import type { SchemaPart } from './migrations.ts';

/** What a record's content is kept as. */
export const recordKinds = { json: 0, bytes: 1, chunks: 2 } as const;

function recordTables(dialect: Dialect): readonly string[] {
  const { text, json, bytes, integer } = dialect;
  const retire = `UPDATE storage_streams SET retired_at = ${dialect.now} WHERE stream = OLD.stream`;
  return [
    // `stream` names the chunks of a streamed record. Content last: what stands behind a large value is slow to reach.
    `CREATE TABLE storage_records (
      namespace ${text} NOT NULL, key ${text} NOT NULL, kind ${integer} NOT NULL, etag ${text} NOT NULL,
      created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL, expires_at ${integer}, size ${integer} NOT NULL,
      content_type ${text} NOT NULL, stream ${text}, metadata ${json} NOT NULL, data ${json}, bytes ${bytes},
      PRIMARY KEY (namespace, key))`,
    'CREATE INDEX storage_records_expiry ON storage_records (expires_at) WHERE expires_at IS NOT NULL',
    // `retired_at`: since when no record names it; while it is being written, when the last chunk came.
    `CREATE TABLE storage_streams (stream ${text} PRIMARY KEY, retired_at ${integer})`,
    'CREATE INDEX storage_streams_retired ON storage_streams (retired_at) WHERE retired_at IS NOT NULL',
    `CREATE TABLE storage_chunks (stream ${text} NOT NULL, n ${integer} NOT NULL, bytes ${bytes} NOT NULL, PRIMARY KEY (stream, n))${dialect.clusteredTable}`,
    // What is stored as bytes is mostly packed already; trying again costs more than it saves.
    ...(dialect.name === 'postgres'
      ? ['storage_records', 'storage_chunks'].map(
          (table) => `ALTER TABLE ${table} ALTER COLUMN bytes SET STORAGE EXTERNAL`,
        )
      : []),
    // Whatever replaces or deletes a record, its chunks are swept after a grace.
    ...dialect.trigger({
      name: 'storage_records_replaced',
      table: 'storage_records',
      event: 'UPDATE OF stream',
      when: 'OLD.stream IS NOT NULL AND OLD.stream IS DISTINCT FROM NEW.stream',
      statement: retire,
    }),
    ...dialect.trigger({
      name: 'storage_records_deleted',
      table: 'storage_records',
      event: 'DELETE',
      when: 'OLD.stream IS NOT NULL',
      statement: retire,
    }),
  ];
}

/** The tables of records. */
export const recordSchema: SchemaPart = {
  name: 'records',
  migrations: [{ version: 1, statements: recordTables }],
};

/** An index with its name and the statement that makes it; safe to run again. */
export interface FieldIndex {
  readonly name: string;
  readonly statement: string;
}

/** The indexes that serve filters on a field of records; none for fields that need none or can't have one. */
export function fieldIndexes(dialect: Dialect, field: string, target: FilterTarget): readonly FieldIndex[] {
  const bodies: readonly IndexBody[] | undefined =
    target.kind === 'json'
      ? dialect.jsonIndexes(target.column, target.path)
      : target.kind === 'time'
        ? [{ suffix: '', columns: [target.column] }]
        : undefined;
  return (bodies ?? []).map(({ suffix, columns, where, using }) => {
    const name = dialect.indexName(`storage_records_by_${field}${suffix}`);
    const condition = where === undefined ? '' : ` WHERE ${where}`;
    const listed =
      using === undefined ? `(${['namespace', ...columns].join(', ')})` : `USING ${using} (${columns.join(', ')})`;
    return {
      name,
      statement: `CREATE INDEX IF NOT EXISTS ${quoteName(name)} ON storage_records ${listed}${condition}`,
    };
  });
}
