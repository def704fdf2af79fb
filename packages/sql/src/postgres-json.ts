import type { FilterLeaf, FilterScalar } from '@storage/core/filter';
import { comparisons, joinOrNever, stringCondition } from './conditions.ts';
import { type IndexBody, type JsonSort, sortRanks } from './dialect.ts';
import { fragment, joinFragments, never, quoteText, type SqlFragment } from './fragment.ts';

export const postgresList = '(SELECT jsonb_array_elements_text(?::jsonb))';

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

type OrderedLeaf = FilterLeaf & { op: 'gt' | 'gte' | 'lt' | 'lte' | 'startsWith' };

/** A condition on one JSON scalar whose operand has an order. */
function ordered(value: string, leaf: OrderedLeaf): SqlFragment {
  if (typeof leaf.value === 'string') {
    const text = stringCondition(`(${value} #>> '{}') COLLATE "C"`, leaf, postgresList);
    return joinFragments('AND', [fragment(`jsonb_typeof(${value}) = 'string'`), text]);
  }
  if (leaf.op === 'startsWith') return never;
  return fragment(
    `jsonb_typeof(${value}) = 'number' AND ${value} ${comparisons[leaf.op]} ?::jsonb`,
    JSON.stringify(leaf.value),
  );
}

/** Any element of an array. */
function element(value: string, leaf: OrderedLeaf): SqlFragment {
  const { text, params } = ordered('e.value', leaf);
  return fragment(
    `EXISTS (SELECT 1 FROM jsonb_array_elements(CASE jsonb_typeof(${value}) WHEN 'array' THEN ${value} ELSE '[]'::jsonb END) AS e(value) WHERE ${text})`,
    ...params,
  );
}

/** A leaf on a path in a JSON column. */
export function postgresJsonLeaf(column: string, leaf: FilterLeaf): SqlFragment {
  const value = at(column, leaf.path);
  switch (leaf.op) {
    case 'eq':
      return equals(column, leaf.path, leaf.value);
    case 'in':
      return joinOrNever(leaf.value.map((operand) => equals(column, leaf.path, operand)));
    case 'exists':
      return fragment(`${value} IS NOT NULL AND ${value} NOT IN ('null'::jsonb, '[]'::jsonb)`);
    default: {
      const within = element(value, leaf);
      // Arrays sort behind booleans, so the comparison with one lets a btree index on the value serve this branch too.
      const array = `${value} > 'true'::jsonb AND jsonb_typeof(${value}) = 'array' AND ${within.text}`;
      return joinFragments('OR', [ordered(value, leaf), fragment(array, ...within.params)]);
    }
  }
}

/** What a path in a JSON column is sorted by. */
export function postgresJsonSort(column: string, path: readonly string[]): JsonSort {
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

/** Entries of a btree have some 2,700 bytes; a longer text would refuse its record. So many characters stand in an index. */
const indexedCharacters = 256;

/**
 * The start of a text, as it stands in the index; NULL for what is none. The type stands in the expression, not beside it: the
 * planner knows how often its values come, and would take a second condition for one that halves them again.
 */
function start(value: string): string {
  return `(CASE jsonb_typeof(${value}) WHEN 'string' THEN left(${value} #>> '{}', ${indexedCharacters}) END) COLLATE "C"`;
}

/** A number or boolean as it stands in the index; NULL for what is neither. */
function plain(value: string): string {
  return `CASE WHEN jsonb_typeof(${value}) IN ('number', 'boolean') THEN ${value} END`;
}

function isArray(value: string): string {
  return `jsonb_typeof(${value}) = 'array'`;
}

function startOf(text: string): string {
  return text.length < indexedCharacters ? text : Array.from(text).slice(0, indexedCharacters).join('');
}

/** What differs from every other text within what is indexed. */
function isShort(text: string): boolean {
  return text.length < indexedCharacters || Array.from(text).length < indexedCharacters;
}

type TextLeaf = Exclude<FilterLeaf, { op: 'exists' }>;

/** The leaf over the start of a text, which holds for all that match and, where an operand is cut, for others too. */
function startCondition(value: string, leaf: TextLeaf): SqlFragment {
  const bounded = `(${start(value)})`;
  if (leaf.op === 'in') {
    const operands = leaf.value.map((operand) => (typeof operand === 'string' ? startOf(operand) : operand));
    return stringCondition(bounded, { ...leaf, value: operands }, postgresList);
  }
  if (typeof leaf.value !== 'string') return never;
  const cut = startOf(leaf.value);
  if (isShort(leaf.value)) return stringCondition(bounded, leaf, postgresList);
  const op = leaf.op === 'gt' ? 'gte' : leaf.op === 'lt' ? 'lte' : leaf.op;
  return stringCondition(bounded, { ...leaf, op, value: cut } as TextLeaf, postgresList);
}

/** As `startCondition`, exact. */
function textCondition(value: string, leaf: TextLeaf): SqlFragment {
  const found = startCondition(value, leaf);
  const operands = leaf.op === 'in' ? leaf.value : [leaf.value];
  if (operands.every((operand) => typeof operand !== 'string' || isShort(operand))) return found;
  return joinFragments('AND', [found, stringCondition(`(${value} #>> '{}') COLLATE "C"`, leaf, postgresList)]);
}

function numberCondition(value: string, leaf: TextLeaf): SqlFragment {
  const number = `(${plain(value)})`;
  if (leaf.op === 'in') {
    const operands = leaf.value.filter((operand) => typeof operand !== 'string');
    return fragment(`${number} = ANY (ARRAY(SELECT jsonb_array_elements(?::jsonb)))`, JSON.stringify(operands));
  }
  if (leaf.op === 'eq') return fragment(`${number} = ?::jsonb`, JSON.stringify(leaf.value));
  if (leaf.op === 'startsWith') return never;
  // Booleans stand behind numbers.
  const end = leaf.op === 'gt' || leaf.op === 'gte' ? ` AND ${number} < 'false'::jsonb` : '';
  return fragment(`${number} ${comparisons[leaf.op]} ?::jsonb${end}`, JSON.stringify(leaf.value));
}

function arrayCondition(value: string, leaf: TextLeaf): SqlFragment {
  if (leaf.op !== 'eq' && leaf.op !== 'in') return element(value, leaf);
  const operands = leaf.op === 'in' ? leaf.value : [leaf.value];
  return joinOrNever(operands.map((operand) => fragment(`${value} @> ?::jsonb`, JSON.stringify([operand]))));
}

/** The leaf as conditions that an index of `postgresJsonIndexes` serves, each for itself. */
export function postgresJsonArms(column: string, leaf: FilterLeaf): readonly SqlFragment[] | undefined {
  if (leaf.op === 'exists' || leaf.path.length === 0) return undefined;
  const value = at(column, leaf.path);
  const operands = leaf.op === 'in' ? leaf.value : [leaf.value];
  const arms: SqlFragment[] = [];
  if (operands.some((operand) => typeof operand === 'string')) arms.push(textCondition(value, leaf));
  if (operands.some((operand) => typeof operand !== 'string')) arms.push(numberCondition(value, leaf));
  arms.push(joinFragments('AND', [fragment(isArray(value)), arrayCondition(value, leaf)]));
  return arms;
}

/** Texts, by their start; numbers and booleans; and arrays, whose elements are found whatever their length. */
export function postgresJsonIndexes(column: string, path: readonly string[]): readonly IndexBody[] {
  // A whole column: one index for equality on every path in it.
  if (path.length === 0) return [{ suffix: '', using: 'gin', columns: [`${column} jsonb_path_ops`] }];
  const value = at(column, path);
  return [
    // Whatever equals or exceeds something is not NULL, so the rest need not stand in it.
    { suffix: '', columns: [`(${start(value)})`, 'key'], where: `${start(value)} IS NOT NULL` },
    { suffix: ' (numbers)', columns: [`(${plain(value)})`, 'key'], where: `(${plain(value)}) IS NOT NULL` },
    { suffix: ' (arrays)', using: 'gin', columns: [`(${value}) jsonb_path_ops`], where: isArray(value) },
  ];
}
