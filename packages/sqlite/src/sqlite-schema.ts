import type { DeclaredField } from '@storage/backend-kit';
import { invalidArgument, StorageError } from '@storage/core';
import {
  type FieldIndex,
  fieldIndexes,
  type MigrateMode,
  planMigrations,
  recordSchema,
  recordTarget,
  type SchemaPart,
  schemaTable,
  schemaTexts,
  sqliteDialect,
  vectorSchema,
} from '@storage/sql';
import type { SqliteConnection } from './sqlite-connection.ts';

/** The parts of the schema that this backend keeps. */
const ownParts: readonly SchemaPart[] = [recordSchema, vectorSchema];

function tableExists(connection: SqliteConnection, name: string): boolean {
  return connection.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;
}

/** The versions of the parts that are there. */
function presentVersions(connection: SqliteConnection): ReadonlyMap<string, number> {
  if (!tableExists(connection, 'storage_schema')) return new Map();
  return new Map(
    connection
      .prepare(schemaTexts.read)
      .all()
      .map(([part, version]) => [String(part), Number(version)]),
  );
}

/** Refuses a database that this release can't work in. */
function assertEncoding(connection: SqliteConnection): void {
  const encoding = connection.database.pragma('encoding', { simple: true });
  if (encoding !== 'UTF-8') {
    throw invalidArgument(
      `The database's encoding is ${String(encoding)}; order by code point needs UTF-8. Copy it into a new file.`,
      { path: 'database' },
    );
  }
}

/** Brings the schema up to date, or checks that it is. One transaction, so that of several processes one does it. */
export function applySchema(
  connection: SqliteConnection,
  options: {
    readonly mode: MigrateMode;
    readonly readOnly: boolean;
    readonly fields: readonly DeclaredField[];
    readonly parts?: readonly SchemaPart[];
  },
): void {
  const { readOnly, fields } = options;
  // What can't be written can only be looked at.
  const mode = readOnly && options.mode === 'auto' ? 'verify' : options.mode;
  if (mode === 'off') return;
  assertEncoding(connection);
  const parts = [...ownParts, ...(options.parts ?? [])];
  if (mode === 'verify' || isCurrent(connection, parts, fields)) {
    planMigrations(sqliteDialect, parts, presentVersions(connection), mode);
    for (const { name } of missingIndexes(connection, fields)) throw missingIndex(name);
    return;
  }
  connection.transaction(() => {
    connection.database.exec(schemaTable(sqliteDialect));
    const write = connection.prepare(schemaTexts.write);
    for (const part of planMigrations(sqliteDialect, parts, presentVersions(connection), mode)) {
      for (const statement of part.statements) connection.database.exec(statement);
      write.run(part.name, part.version);
    }
    for (const { statement } of missingIndexes(connection, fields)) connection.database.exec(statement);
  });
}

/** Nothing is to be done, which a look without a lock can tell. */
function isCurrent(
  connection: SqliteConnection,
  parts: readonly SchemaPart[],
  fields: readonly DeclaredField[],
): boolean {
  return (
    planMigrations(sqliteDialect, parts, presentVersions(connection), 'auto').length === 0 &&
    missingIndexes(connection, fields).length === 0
  );
}

function missingIndexes(connection: SqliteConnection, fields: readonly DeclaredField[]): readonly FieldIndex[] {
  return fields.flatMap(({ name, path }) => {
    const target = recordTarget(path);
    const indexes = target === undefined ? [] : fieldIndexes(sqliteDialect, name, target);
    return indexes.filter((index) => !tableExists(connection, index.name));
  });
}

function missingIndex(name: string): StorageError {
  return new StorageError({
    code: 'version_mismatch',
    message: `The index ${name} of a declared field is missing. Open the file once with migrate: 'auto', or leave the field out.`,
    details: { index: name },
  });
}
