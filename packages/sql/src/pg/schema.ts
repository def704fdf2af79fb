import { createHash } from 'node:crypto';
import type { Call } from '@storage/backend-kit';
import { invalidArgument, StorageError } from '@storage/core';
import { quoteName } from '../fragment.ts';
import { type MigrateMode, planMigrations, type SchemaPart, schemaTable, schemaTexts } from '../migrations.ts';
import { inSchema, postgresDialect } from '../postgres.ts';
import type { FieldIndex } from '../record-schema.ts';
import type { PostgresSession } from './session.ts';

/** What a backend keeps in a schema. */
export interface SchemaSettings {
  readonly schema: string;
  readonly mode: MigrateMode;
  /** The first is the backend's own, without which none of its tables is there. */
  readonly parts: readonly [SchemaPart, ...SchemaPart[]];
  /** By these columns a table is known for ours. */
  readonly columns: { readonly [table: string]: readonly string[] };
  /** Missing: none. */
  readonly indexes?: readonly FieldIndex[];
}

type Columns = SchemaSettings['columns'];

/** The table that tells the versions of the parts, whoever keeps them. */
const versionColumns: Columns = { storage_schema: ['part', 'version'] };

/** What the database has of ours. */
interface Present {
  readonly schema: boolean;
  readonly standby: boolean;
  /** Columns by table. */
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>;
  readonly indexes: ReadonlySet<string>;
  readonly versions: ReadonlyMap<string, number>;
}

const oldestServer = 150_000;

const lookText = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_catalog.pg_is_in_recovery(),
  EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1),
  coalesce((SELECT jsonb_object_agg(relname, columns) FROM (
    SELECT c.relname, array_agg(a.attname::text) AS columns FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind <> 'i' GROUP BY c.relname) AS tables), '{}'),
  coalesce((SELECT jsonb_agg(c.relname) FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid AND i.indisvalid
    WHERE n.nspname = $1 AND c.relname = ANY ($3::text[])), '[]')`;

/** Looks without a lock, in two statements at most. */
async function look(
  session: PostgresSession,
  { schema, parts, columns: own, indexes: declared = [] }: SchemaSettings,
  call: Call,
): Promise<Present> {
  const known = { ...versionColumns, ...own };
  const values = [schema, Object.keys(known), declared.map(({ name }) => name)];
  const { rows } = await session.run({ text: lookText, values }, call, false);
  const [version, encoding, standby, there, columns, indexes] = rows[0] ?? [];
  if ((version as number) < oldestServer)
    throw new StorageError({
      code: 'version_mismatch',
      message: `The server is PostgreSQL ${Math.floor((version as number) / 10_000)}; 15 is the oldest that works. Upgrade it.`,
      details: { found: version, expected: oldestServer },
    });
  if (encoding !== 'UTF8')
    throw invalidArgument(
      `The database is encoded in ${String(encoding)}; make one in UTF8 and name it in \`database\`.`,
      {
        path: 'database',
      },
    );
  const tables = new Map(
    Object.entries(JSON.parse(columns as string) as { readonly [table: string]: readonly string[] }).map(
      ([table, names]) => [table, new Set(names)] as const,
    ),
  );
  assertOwn(schema, tables, versionColumns);
  const versions = tables.has('storage_schema')
    ? (await session.run({ text: inSchema(schema, schemaTexts.read) }, call, false)).rows
    : [];
  const present = new Map(versions.map(([part, number]) => [String(part), Number(number)]));
  // Tables that no part accounts for were made by somebody else, whatever their columns.
  const strangers = present.has(parts[0].name)
    ? undefined
    : [...tables.keys()].find((table) => table !== 'storage_schema');
  if (strangers !== undefined) throw foreign(schema, strangers);
  assertOwn(schema, tables, known);
  return {
    schema: there === true,
    standby: standby === true,
    tables,
    indexes: new Set(JSON.parse(indexes as string) as readonly string[]),
    versions: present,
  };
}

function assertOwn(schema: string, tables: Present['tables'], known: Columns): void {
  for (const [name, wanted] of Object.entries(known)) {
    const columns = tables.get(name);
    if (columns !== undefined && !wanted.every((column) => columns.has(column))) throw foreign(schema, name);
  }
}

function foreign(schema: string, table: string): StorageError {
  return new StorageError({
    code: 'already_exists',
    message: `The schema ${JSON.stringify(schema)} has a table ${table} that this library did not make. Choose another \`schema\`, or rename that table.`,
    details: { schema, table, path: 'schema' },
  });
}

function missingIndexes({ indexes = [] }: SchemaSettings, present: Present): readonly FieldIndex[] {
  return indexes.filter(({ name }) => !present.indexes.has(name));
}

/** Of all stores of one schema, in whatever process, one migrates at a time. */
export function schemaLock(schema: string): string {
  return createHash('sha256').update(`storage:${schema}`).digest().readBigInt64BE().toString();
}

/** Brings the schema up to date, or checks that it is: without a lock where nothing is to be done. */
export async function applySchema(session: PostgresSession, settings: SchemaSettings, call: Call): Promise<void> {
  if (settings.mode === 'off') return;
  const present = await look(session, settings, call);
  // What can't be written can only be looked at.
  const mode = present.standby ? 'verify' : settings.mode;
  const missing = missingIndexes(settings, present);
  if (planMigrations(postgresDialect, settings.parts, present.versions, mode).length === 0) {
    const [first] = missing;
    if (first === undefined) return;
    if (mode === 'verify') throw missingIndex(first.name);
  }
  await session.transaction(call, (inside) => migrate(inside, settings, call));
}

async function migrate(session: PostgresSession, settings: SchemaSettings, call: Call): Promise<void> {
  const { schema, mode, parts } = settings;
  const run = (text: string, values?: readonly unknown[]): Promise<unknown> =>
    session.run({ text, values }, call, true);
  await run('SELECT pg_catalog.pg_advisory_xact_lock($1::bigint)', [schemaLock(schema)]);
  const present = await look(session, settings, call);
  if (!present.schema) await run(`CREATE SCHEMA ${quoteName(schema)}`);
  await run("SELECT pg_catalog.set_config('search_path', $1, true)", [quoteName(schema)]);
  await run(schemaTable(postgresDialect));
  for (const part of planMigrations(postgresDialect, parts, present.versions, mode)) {
    for (const statement of part.statements) await run(statement);
    await run(postgresDialect.placeholders(schemaTexts.write), [part.name, part.version]);
  }
  for (const { statement } of missingIndexes(settings, present)) await run(statement);
}

function missingIndex(name: string): StorageError {
  return new StorageError({
    code: 'version_mismatch',
    message: `The index ${name} of a declared field is missing. Open the store once with migrate: 'auto', or leave the field out.`,
    details: { index: name },
  });
}
