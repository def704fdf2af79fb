import type { Pool } from 'pg';

/** A table, as a Prisma schema or a database tells of it: columns with their types, `?` for those that may be null. */
interface Table {
  readonly columns: ReadonlyMap<string, string>;
  readonly key: readonly string[];
}

type Tables = ReadonlyMap<string, Table>;

/** Prisma's names for the types of PostgreSQL. */
const typeNames: { readonly [type: string]: string } = {
  text: 'String',
  bigint: 'BigInt',
  integer: 'Int',
  'double precision': 'Float',
  boolean: 'Boolean',
  jsonb: 'Json',
  bytea: 'Bytes',
};

/** The models of a Prisma schema by the names of their tables. Fields are columns; there are no relations. */
export function tablesOfFragment(text: string): Tables {
  const tables = new Map<string, Table>();
  for (const [, name = '', body = ''] of text.matchAll(/^model (\w+) \{\n(.*?)^\}/gms)) {
    const columns = new Map<string, string>();
    const columnOf = new Map<string, string>();
    let key: readonly string[] = [];
    for (const line of body.split('\n').map((each) => each.trim())) {
      const field = /^(\w+)\s+(\w+\??)/.exec(line);
      if (field !== null) {
        const [, fieldName = '', type = ''] = field;
        const column = /@map\("(\w+)"\)/.exec(line)?.[1] ?? fieldName;
        columns.set(column, type);
        columnOf.set(fieldName, column);
        if (/@id\b/.test(line)) key = [column];
      }
      const id = /^@@id\(\[(.*)\]\)/.exec(line);
      if (id !== null) key = (id[1] ?? '').split(',').map((each) => columnOf.get(each.trim()) ?? each.trim());
    }
    tables.set(/@@map\("(\w+)"\)/.exec(body)?.[1] ?? name, { columns, key });
  }
  return tables;
}

/** The store's tables in a schema of the database. */
export async function tablesOfDatabase(pool: Pool, schema: string): Promise<Tables> {
  const columns = await pool.query<{ table: string; column: string; type: string; nullable: boolean }>(
    `SELECT table_name AS table, column_name AS column, data_type AS type, is_nullable = 'YES' AS nullable
     FROM information_schema.columns WHERE table_schema = $1 AND table_name LIKE 'storage\\_%' ORDER BY ordinal_position`,
    [schema],
  );
  const keys = await pool.query<{ table: string; column: string }>(
    `SELECT k.table_name AS table, k.column_name AS column FROM information_schema.table_constraints c
     JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
     WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = $1 ORDER BY k.ordinal_position`,
    [schema],
  );
  const names = [...new Set(columns.rows.map(({ table }) => table))];
  return new Map(
    names.map((name) => [
      name,
      {
        columns: new Map(
          columns.rows
            .filter(({ table }) => table === name)
            .map(({ column, type, nullable }) => [column, `${typeNames[type] ?? type}${nullable ? '?' : ''}`]),
        ),
        key: keys.rows.filter(({ table }) => table === name).map(({ column }) => column),
      },
    ]),
  );
}

function missingFrom(all: Iterable<string>, some: { has(name: string): boolean }): readonly string[] {
  return [...all].filter((name) => !some.has(name));
}

/** In what the fragment and the database differ, in words; empty when they agree. */
export function differences(fragment: Tables, database: Tables): readonly string[] {
  const found = [
    ...missingFrom(database.keys(), fragment).map((table) => `${table} is not in the fragment`),
    ...missingFrom(fragment.keys(), database).map((table) => `${table} is not in the database`),
  ];
  for (const [name, table] of fragment) {
    const other = database.get(name);
    if (other === undefined) continue;
    for (const column of missingFrom(other.columns.keys(), table.columns))
      found.push(`${name}.${column} is not in the fragment`);
    for (const column of missingFrom(table.columns.keys(), other.columns))
      found.push(`${name}.${column} is not in the database`);
    for (const [column, type] of table.columns) {
      const actual = other.columns.get(column);
      if (actual !== undefined && actual !== type)
        found.push(`${name}.${column} is ${type} in the fragment, ${actual} in the database`);
    }
    if (table.key.join() !== other.key.join())
      found.push(`${name} has the key ${table.key} in the fragment, ${other.key} in the database`);
  }
  return found;
}
