import type { FilterLeaf, FilterScalar } from '@storage/core/filter';
import { comparisons, joinOrNever, stringCondition } from './conditions.ts';
import { type Dialect, type JsonSort, numberedPlaceholders, sortRanks } from './dialect.ts';
import { fragment, joinFragments, never, quoteText, type SqlFragment } from './fragment.ts';

const list = '(SELECT jsonb_array_elements_text(?::jsonb))';

/** The value at a path; NULL when there is none. `->` with a text never enters an array. */
function at(column: string, path: readonly string[]): string {
  return path.reduce((value, key) => `${value}->${quoteText(key)}`, column);
}

/** JSON in which only this value stands at the path: what contains it has the value there. */
function nest(path: readonly string[], value: unknown): string {
  return path.reduceRight((text, key) => `{${JSON.stringify(key)}:${text}}`, JSON.stringify(value));
}

/** Equality by containment: type-strict, never NULL, and served by one GIN index whatever the path. */
function equals(column: string, path: readonly string[], value: FilterScalar): SqlFragment {
  return fragment(`${column} @> ?::jsonb OR ${column} @> ?::jsonb`, nest(path, value), nest(path, [value]));
}

/** A condition on one JSON scalar whose operand has an order. */
function ordered(value: string, leaf: FilterLeaf & { op: 'gt' | 'gte' | 'lt' | 'lte' | 'startsWith' }): SqlFragment {
  if (typeof leaf.value === 'string') {
    const text = stringCondition(`(${value} #>> '{}') COLLATE "C"`, leaf, list);
    return joinFragments('AND', [fragment(`jsonb_typeof(${value}) = 'string'`), text]);
  }
  if (leaf.op === 'startsWith') return never;
  return fragment(
    `jsonb_typeof(${value}) = 'number' AND ${value} ${comparisons[leaf.op]} ?::jsonb`,
    JSON.stringify(leaf.value),
  );
}

function jsonLeaf(column: string, leaf: FilterLeaf): SqlFragment {
  const value = at(column, leaf.path);
  switch (leaf.op) {
    case 'eq':
      return equals(column, leaf.path, leaf.value);
    case 'in':
      return joinOrNever(leaf.value.map((operand) => equals(column, leaf.path, operand)));
    case 'exists':
      return fragment(`${value} IS NOT NULL AND ${value} NOT IN ('null'::jsonb, '[]'::jsonb)`);
    default: {
      const element = ordered('e.value', leaf);
      // Arrays sort behind booleans, so the comparison with one lets a btree index on the value serve this branch too.
      const array =
        `${value} > 'true'::jsonb AND jsonb_typeof(${value}) = 'array' AND EXISTS (SELECT 1 FROM jsonb_array_elements(` +
        `CASE jsonb_typeof(${value}) WHEN 'array' THEN ${value} ELSE '[]'::jsonb END) AS e(value) WHERE ${element.text})`;
      return joinFragments('OR', [ordered(value, leaf), fragment(array, ...element.params)]);
    }
  }
}

function jsonSort(column: string, path: readonly string[]): JsonSort {
  const value = at(column, path);
  const { false: no, true: yes, number, string } = sortRanks;
  return {
    rank: fragment(
      `CASE jsonb_typeof(${value}) WHEN 'string' THEN ${string} WHEN 'number' THEN ${number} WHEN 'boolean' THEN ` +
        `CASE WHEN ${value} = 'true'::jsonb THEN ${yes} ELSE ${no} END END`,
    ),
    number: fragment(`CASE jsonb_typeof(${value}) WHEN 'number' THEN (${value} #>> '{}')::float8 END`),
    text: fragment(`(CASE jsonb_typeof(${value}) WHEN 'string' THEN ${value} #>> '{}' END) COLLATE "C"`),
  };
}

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
  now: '(extract(epoch from clock_timestamp()) * 1000)::bigint',
  kept: (expression) => expression,
  returning: ' RETURNING created_at',
  trigger: ({ name, table, event, when, statement }) => [
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$`,
    `CREATE TRIGGER ${name} AFTER ${event} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}()`,
  ],
  list,
  placeholders: numberedPlaceholders,
  jsonLeaf,
  jsonSort,
  // One index per column serves equality on every path; ranges have one per field.
  jsonArms: () => undefined,
  jsonIndexes: (column, path) => [{ suffix: '', columns: [`(${at(column, path)})`] }],
  unindexed: (column) => column,
};
