import type { FilterLeaf } from '@storage/core/filter';
import { anyOf, comparisons, joinOrNever, stringCondition } from './conditions.ts';
import { type IndexBody, type JsonSort, type SqlValue, sortRanks } from './dialect.ts';
import { fragment, joinFragments, quoteText, type SqlFragment } from './fragment.ts';

/** How a value at a path is reached. */
interface JsonValueSql {
  /** Its JSON type; NULL when there is none. */
  readonly type: string;
  /** Itself, as an SQL value. */
  readonly value: string;
  /** `json_each` over it; only read when it is an array. */
  readonly each: string;
  /** Puts a condition on the value into the place where the three above can be read. */
  within(condition: SqlFragment): SqlFragment;
  /** The same for an expression over the value. */
  pick(expression: string): SqlFragment;
}

/** A key that needs an escape in a path: engines differ in how they read one, so such keys are compared, not written. */
function needsComparison(key: string): boolean {
  return JSON.stringify(key) !== `"${key}"`;
}

/** The path as a literal. The index on a field has the same text, else it would not serve. */
function pathLiteral(path: readonly string[]): string {
  return quoteText(`$${path.map((key) => `.${JSON.stringify(key)}`).join('')}`);
}

function reach(column: string, path: readonly string[]): JsonValueSql {
  if (!path.some(needsComparison)) {
    const literal = pathLiteral(path);
    const type = `json_type(${column}, ${literal})`;
    return {
      type,
      value: `json_extract(${column}, ${literal})`,
      each: `json_each(${column}, ${literal})`,
      within: (condition) => condition,
      pick: (expression) => fragment(expression),
    };
  }
  return reachByComparison(column, path);
}

/** The members of the object on the way are listed, and the one with the key is looked at. */
function reachByComparison(column: string, path: readonly string[]): JsonValueSql {
  const tables: string[] = [];
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  let document = column;
  let start = 0;
  for (const [index, key] of path.entries()) {
    if (!needsComparison(key)) continue;
    const parent = pathLiteral(path.slice(start, index));
    const name = `k${tables.length}`;
    // What is no object has no keys: json_each of an array or scalar would list something else.
    tables.push(
      `json_each(CASE json_type(${document}, ${parent}) WHEN 'object' THEN ${document} ELSE '{}' END, ` +
        `CASE json_type(${document}, ${parent}) WHEN 'object' THEN ${parent} ELSE '$' END) AS ${name}`,
    );
    conditions.push(`${name}.key = ?`);
    params.push(key);
    // A scalar's `value` is no JSON text, so only objects and arrays go on as documents.
    document = `CASE WHEN ${name}.type IN ('object', 'array') THEN ${name}.value END`;
    start = index + 1;
  }
  const name = `k${tables.length - 1}`;
  const rest = path.slice(start);
  const literal = pathLiteral(rest);
  const from = `FROM ${tables.join(', ')} WHERE ${conditions.join(' AND ')}`;
  return {
    type: rest.length === 0 ? `${name}.type` : `json_type(${document}, ${literal})`,
    value: rest.length === 0 ? `${name}.value` : `json_extract(${document}, ${literal})`,
    each: `json_each(${document}, ${literal})`,
    within: ({ text, params: own }) => fragment(`EXISTS (SELECT 1 ${from} AND (${text}))`, ...params, ...own),
    pick: (expression) => fragment(`(SELECT ${expression} ${from})`, ...params),
  };
}

/** The values of a JSON array that is a parameter. */
export const sqliteList = '(SELECT value FROM json_each(?))';
const numberTypes = "('integer', 'real')";

// In an index NULL stands before numbers, numbers before texts, texts before bytes. The other end of a range keeps a seek
// among values of the operand's type.
const farEnds = {
  number: { gt: "< ''", gte: "< ''", lt: '>= -9e999', lte: '>= -9e999' },
  text: { gt: "< x''", gte: "< x''", lt: ">= ''", lte: ">= ''" },
} as const;

/** A comparison of numbers or texts that are known to be such. */
function typedCondition(value: string, leaf: FilterLeaf, type: 'number' | 'text'): SqlFragment {
  if (leaf.op === 'in')
    return anyOf(
      value,
      leaf.value.filter((operand) => typeof operand === (type === 'text' ? 'string' : type)) as (string | number)[],
      sqliteList,
    );
  if (leaf.op === 'exists' || leaf.op === 'startsWith' || leaf.op === 'eq')
    return type === 'text' ? stringCondition(value, leaf, sqliteList) : fragment(`${value} = ?`, Number(leaf.value));
  return fragment(`${value} ${comparisons[leaf.op]} ? AND ${value} ${farEnds[type][leaf.op]}`, leaf.value);
}

/** One candidate satisfies the leaf: a condition for each type that can. `type` and `value` are expressions over it. */
function candidate(type: string, value: string, leaf: FilterLeaf): readonly SqlFragment[] {
  const operands = leaf.op === 'in' ? leaf.value : [leaf.value];
  const parts: SqlFragment[] = [];
  if (operands.some((operand) => typeof operand === 'string')) {
    parts.push(joinFragments('AND', [fragment(`${type} = 'text'`), typedCondition(value, leaf, 'text')]));
  }
  if (operands.some((operand) => typeof operand === 'number')) {
    parts.push(joinFragments('AND', [fragment(`${type} IN ${numberTypes}`), typedCondition(value, leaf, 'number')]));
  }
  for (const operand of operands) {
    if (typeof operand === 'boolean') parts.push(fragment(`${type} = '${operand}' AND ${value} = ${Number(operand)}`));
  }
  return parts;
}

/** The leaf for scalars, type by type, and for arrays: no value satisfies two of them. */
function parts(column: string, leaf: FilterLeaf): readonly SqlFragment[] {
  const { type, value, each } = reach(column, leaf.path);
  const element = joinOrNever(candidate('e.type', 'e.atom', leaf));
  return [
    ...candidate(type, value, leaf),
    fragment(`${type} = 'array' AND EXISTS (SELECT 1 FROM ${each} AS e WHERE ${element.text})`, ...element.params),
  ];
}

/** A leaf on a path in a JSON column. */
export function sqliteJsonLeaf(column: string, leaf: FilterLeaf): SqlFragment {
  const { type, value, within } = reach(column, leaf.path);
  // An extracted null is NULL, and so is what is missing; an array is extracted as its text.
  if (leaf.op === 'exists')
    return within(fragment(`${value} IS NOT NULL AND (${type} <> 'array' OR ${value} <> '[]')`));
  return within(joinOrNever(parts(column, leaf)));
}

/** The leaf as conditions that an index of `sqliteJsonIndexes` serves, each for itself. */
export function sqliteJsonArms(column: string, leaf: FilterLeaf): readonly SqlFragment[] | undefined {
  return leaf.op === 'exists' || leaf.path.some(needsComparison) ? undefined : parts(column, leaf);
}

/** What a path in a JSON column is sorted by. */
export function sqliteJsonSort(column: string, path: readonly string[]): JsonSort {
  const { type, value, pick } = reach(column, path);
  const { false: no, true: yes, number, string } = sortRanks;
  const rank = `CASE ${type} WHEN 'text' THEN ${string} WHEN 'integer' THEN ${number} WHEN 'real' THEN ${number} WHEN 'true' THEN ${yes} WHEN 'false' THEN ${no} END`;
  // Integers beyond 2^53 are doubles to every reader, so they are sorted as such.
  const numeric = `CASE WHEN ${type} IN ${numberTypes} THEN CAST(${value} AS REAL) END`;
  const text = `CASE WHEN ${type} = 'text' THEN ${value} END`;
  return { rank: pick(rank), number: pick(numeric), text: pick(text) };
}

/** One index finds values, and the few arrays stand in another, which is empty where a field has none. */
export function sqliteJsonIndexes(column: string, path: readonly string[]): readonly IndexBody[] | undefined {
  if (path.some(needsComparison)) return undefined;
  const { type, value } = reach(column, path);
  return [
    { suffix: '', columns: [value, 'key', type] },
    // The type stands in it, though always the same, so that the planner knows it for the narrower one.
    { suffix: ' (arrays)', columns: [type, 'key'], where: `${type} = 'array'` },
  ];
}
