import type { CollectionDefinition } from '@storage/backend-kit';
import { fieldsOf } from '@storage/backend-kit';
import { type IndexBody, type MigrateMode, postgresDialect, quoteName, type SchemaPart } from '@storage/sql';
import type { SchemaSettings } from '@storage/sql/pg';
import type { Extension } from './pgvector-extension.ts';

/** The table that tells of collections; each has its documents in a table of its own, for an index holds vectors of one length. */
const vectorPart: SchemaPart = {
  name: 'pgvector',
  migrations: [
    {
      version: 1,
      statements: ({ identity, text, integer }) => [
        // `settings`: metadata, model and declared fields. `index`: what the index is made by. Both are JSON text.
        `CREATE TABLE storage_vector_collections (id ${identity}, name ${text} NOT NULL UNIQUE, dimension ${integer} NOT NULL,
          metric ${text} NOT NULL, settings ${text} NOT NULL, index ${text} NOT NULL)`,
      ],
    },
  ],
};

/** What is kept in the schema beside the tables of collections. */
export function vectorTables(schema: string, mode: MigrateMode): SchemaSettings {
  return {
    schema,
    mode,
    parts: [vectorPart],
    columns: { storage_vector_collections: ['id', 'name', 'dimension', 'metric', 'settings', 'index'] },
  };
}

/** The unquoted name of the table of a collection. */
export function tableName(id: number): string {
  return `storage_vectors_${id}`;
}

export function indexName(id: number): string {
  return `${tableName(id)}_by_vector`;
}

/** Rows of so many numbers have room on a page; larger ones stand apart from it anyway. */
const mostInRow = 1900;

/** What makes the table of a collection, the index of its vectors excepted. */
export function tableStatements(
  schema: string,
  id: number,
  definition: CollectionDefinition,
  { prefix }: Extension,
): readonly string[] {
  const { text, json, integer } = postgresDialect;
  const { dimension } = definition;
  const table = `${quoteName(schema)}.${quoteName(tableName(id))}`;
  return [
    `CREATE TABLE ${table} (namespace ${text} NOT NULL, id ${text} NOT NULL, created_at ${integer}, content text,
      metadata ${json} NOT NULL, embedding ${prefix}vector(${dimension}) NOT NULL, PRIMARY KEY (namespace, id))`,
    // An exact scan reads every vector: one that stands in its row is there at once.
    ...(dimension <= mostInRow ? [`ALTER TABLE ${table} ALTER COLUMN embedding SET STORAGE PLAIN`] : []),
    ...fieldIndexes(definition).map(({ using, columns, where }, index) => {
      const name = quoteName(`${tableName(id)}_by_field_${index}`);
      const keys = using === undefined ? `(${['namespace', ...columns].join(', ')})` : `USING ${using} (${columns})`;
      return `CREATE INDEX ${name} ON ${table} ${keys}${where === undefined ? '' : ` WHERE ${where}`}`;
    }),
  ];
}

/** The indexes of declared fields: of texts or of numbers and booleans, by the field's type, and of arrays. */
function fieldIndexes(definition: CollectionDefinition): readonly IndexBody[] {
  const bodies = (paths: readonly (readonly string[])[], other: string): readonly IndexBody[] =>
    paths.flatMap((path) =>
      (postgresDialect.jsonIndexes('metadata', path) ?? [])
        .filter(({ suffix }) => suffix !== other)
        // By key is how records are listed.
        .map((body) => ({ ...body, columns: body.columns.filter((column) => column !== 'key') })),
    );
  return [
    ...bodies([...fieldsOf(definition, 'string'), ...fieldsOf(definition, 'date')], ' (numbers)'),
    ...bodies([...fieldsOf(definition, 'number'), ...fieldsOf(definition, 'boolean')], ''),
  ];
}
