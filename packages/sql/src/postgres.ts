import { createHash } from 'node:crypto';
import { type Dialect, numberedPlaceholders } from './dialect.ts';
import { quoteName } from './fragment.ts';
import {
  postgresJsonArms,
  postgresJsonIndexes,
  postgresJsonLeaf,
  postgresJsonSort,
  postgresList,
} from './postgres-json.ts';

/** Longer names are cut without a word. */
const maxNameBytes = 63;

/** Milliseconds of an expression that is a time. */
function milliseconds(time: string): string {
  return `floor(date_part('epoch', ${time}) * 1000)::bigint`;
}

/** The time at which the statement began: one for all its rows. */
export const statementTime: string = milliseconds('statement_timestamp()');
/** The time of the moment, also after a wait for a lock. */
export const clockTime: string = milliseconds('clock_timestamp()');

/** PostgreSQL 15 and later. */
export const postgresDialect: Dialect = {
  name: 'postgres',
  text: 'text COLLATE "C"',
  json: 'jsonb',
  bytes: 'bytea',
  integer: 'bigint',
  double: 'double precision',
  identity: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  content: 'stream, data, bytes',
  clusteredTable: '',
  now: clockTime,
  kept: (expression) => expression,
  returning: ' RETURNING created_at',
  trigger: ({ name, table, event, when, statement }) => [
    // The function finds its tables wherever it is called from.
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN ${statement}; RETURN NULL; END $$`,
    `CREATE TRIGGER ${name} AFTER ${event} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}()`,
  ],
  list: postgresList,
  placeholders: (text) => numberedPlaceholders(text),
  jsonLeaf: postgresJsonLeaf,
  jsonSort: postgresJsonSort,
  jsonArms: postgresJsonArms,
  jsonIndexes: postgresJsonIndexes,
  indexName: (name) =>
    Buffer.byteLength(name) <= maxNameBytes
      ? name
      : `storage_records_by_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`,
  unindexed: (column) => column,
};

/** Texts for tables in a schema, wherever the connection looks for tables. */
export function inSchema(schema: string, text: string): string {
  const prefix = `${quoteName(schema)}.`;
  return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\bstorage_[a-z_]+/g, (token) =>
    token.startsWith('storage_') ? prefix + token : token,
  );
}

/** The dialect for tables in a schema. */
export function postgresDialectIn(schema: string): Dialect {
  return { ...postgresDialect, placeholders: (text) => inSchema(schema, numberedPlaceholders(text)) };
}
