import type { Dialect } from './dialect.ts';
import { sqliteJsonArms, sqliteJsonIndexes, sqliteJsonLeaf, sqliteJsonSort, sqliteList } from './sqlite-json.ts';

/** SQLite 3.46 and later. Text compares byte for byte unless told otherwise. */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  text: 'TEXT',
  json: 'TEXT',
  bytes: 'BLOB',
  integer: 'INTEGER',
  double: 'REAL',
  identity: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  // One column: each that is read costs up to a quarter of a microsecond a row.
  content: 'coalesce(data, bytes, stream)',
  clusteredTable: ' WITHOUT ROWID',
  now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  kept: (expression) => `storage_kept(${expression})`,
  returning: '',
  trigger: ({ name, table, event, when, statement }) => [
    `CREATE TRIGGER ${name} AFTER ${event} ON ${table} WHEN ${when} BEGIN ${statement}; END`,
  ],
  list: sqliteList,
  placeholders: (text) => text,
  jsonLeaf: sqliteJsonLeaf,
  jsonSort: sqliteJsonSort,
  jsonArms: sqliteJsonArms,
  jsonIndexes: sqliteJsonIndexes,
  indexName: (name) => name,
  unindexed: (column) => `+${column}`,
};
