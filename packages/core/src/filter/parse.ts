import { invalidArgument } from '../errors.ts';
import type { FilterLeaf, FilterLimits, FilterNode, FilterScalar } from './node.ts';
import { toNegationNormalForm } from './normal-form.ts';
import { splitPath } from './path.ts';

/** How `parseFilter` judges. */
export interface ParseFilterOptions {
  /** What differs from `defaultFilterLimits`. */
  readonly limits?: Partial<FilterLimits> | undefined;
  /** What the first key of every path must be one of. Missing: any. */
  readonly roots?: readonly string[] | undefined;
}

/** The roots of a record's paths. */
export const recordRoots: readonly string[] = ['key', 'data', 'metadata', 'createdAt', 'updatedAt'];

export const defaultFilterLimits: FilterLimits = { depth: 32, nodes: 1000, bytes: 65_536 };

const logical: readonly string[] = ['$and', '$or', '$not'];
const operators: readonly string[] = [
  '$eq',
  '$ne',
  '$gt',
  '$gte',
  '$lt',
  '$lte',
  '$in',
  '$nin',
  '$exists',
  '$contains',
  '$startsWith',
  '$not',
];

interface Parsing extends FilterLimits {
  readonly roots: readonly string[] | undefined;
  nodesSeen: number;
  bytesSeen: number;
}

/**
 * The validated tree of a filter that anybody may have sent; not folded. Only own enumerable members are read, keys
 * such as `__proto__` are keys like any other, and nothing is ever skipped: what is not understood is
 * `invalid_argument`. The message names it, where it is and the mend; `details.path` says where in the filter,
 * `details.operator` which operator, `details.limit` which limit. The limits keep the work and the stack bounded.
 */
export function parseFilter(input: unknown, options: ParseFilterOptions = {}): FilterNode {
  const { limits, roots } = options;
  const { depth, nodes, bytes } = limits === undefined ? defaultFilterLimits : { ...defaultFilterLimits, ...limits };
  return parseObject({ depth, nodes, bytes, roots, nodesSeen: 0, bytesSeen: 0 }, input, '', 1);
}

/** The filter as compilers take it: validated, folded, and `not` on leaves only. */
export function normalizeFilter(input: unknown, options?: ParseFilterOptions): FilterNode {
  return toNegationNormalForm(parseFilter(input, options));
}

function parseObject(parsing: Parsing, input: unknown, at: string, depth: number): FilterNode {
  const children = members(parsing, input, at, depth).map(([name, value]): FilterNode => {
    const here = at ? `${at}.${name}` : name;
    if (name === '$not') return not(parseObject(parsing, value, here, depth + 1));
    if (name === '$and' || name === '$or') {
      const parts = Array.from(list(value, here), (part, index) =>
        parseObject(parsing, part, `${here}[${index}]`, depth + 1),
      );
      return { kind: name === '$and' ? 'and' : 'or', children: parts };
    }
    if (name.startsWith('$')) throw unknownOperator(name, here, logical, '; a key that starts with $ is written \\$');
    const path = parsePath(parsing, name, here);
    return isObject(value)
      ? parseOperators(parsing, path, value, here, depth + 1)
      : parseOperator(parsing, path, '$eq', value, here, depth);
  });
  return { kind: 'and', children };
}

function parsePath(parsing: Parsing, name: string, here: string): readonly string[] {
  charge(parsing, name, here);
  const path = splitPath(name);
  const { roots } = parsing;
  if (roots && !roots.includes(path[0] ?? '')) {
    const guess = roots.includes('data') ? `; did you mean ${JSON.stringify(`data.${name}`)}?` : '';
    throw fail(here, `a path starts with ${roots.join(', ')}${guess}`);
  }
  return path;
}

function parseOperators(
  parsing: Parsing,
  path: readonly string[],
  input: unknown,
  at: string,
  depth: number,
): FilterNode {
  const entries = members(parsing, input, at, depth);
  if (entries.length === 0) throw fail(at, `{} has no operator; use one of ${operators.join(' ')}`);
  const children = entries.map(([name, value]) => {
    const here = `${at}.${name}`;
    if (!name.startsWith('$'))
      throw fail(here, 'objects are not compared; write the path with dots, or operators that start with $');
    return parseOperator(parsing, path, name, value, here, depth);
  });
  return { kind: 'and', children };
}

function parseOperator(
  parsing: Parsing,
  path: readonly string[],
  name: string,
  value: unknown,
  at: string,
  depth: number,
): FilterNode {
  const exists: FilterLeaf = { kind: 'leaf', path, op: 'exists', value: true };
  switch (name) {
    case '$eq':
    case '$contains': {
      const operand = scalar(parsing, value, at);
      return operand === null ? not(exists) : { kind: 'leaf', path, op: 'eq', value: operand };
    }
    case '$in': {
      const operands = new Set(Array.from(list(value, at), (item, index) => scalar(parsing, item, `${at}[${index}]`)));
      const orAbsent = operands.delete(null);
      const leaf: FilterLeaf = { kind: 'leaf', path, op: 'in', value: [...operands] as FilterScalar[] };
      return orAbsent ? { kind: 'or', children: [leaf, not(exists)] } : leaf;
    }
    case '$ne':
      return not(parseOperator(parsing, path, '$eq', value, at, depth));
    case '$nin':
      return not(parseOperator(parsing, path, '$in', value, at, depth));
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte': {
      const operand = scalar(parsing, value, at);
      if (typeof operand === 'boolean' || operand === null)
        throw fail(at, `${operand} has no order; ${name} takes a number, string or Date`);
      return { kind: 'leaf', path, op: name.slice(1) as 'gt' | 'gte' | 'lt' | 'lte', value: operand };
    }
    case '$exists':
      if (typeof value !== 'boolean') throw fail(at, '$exists takes true or false');
      return value ? exists : not(exists);
    case '$startsWith':
      if (typeof value !== 'string') throw fail(at, '$startsWith takes a string');
      charge(parsing, value, at);
      return { kind: 'leaf', path, op: 'startsWith', value };
    case '$not':
      return not(parseOperators(parsing, path, value, at, depth + 1));
    default:
      throw unknownOperator(name, at, operators, '');
  }
}

function scalar(parsing: Parsing, value: unknown, at: string): FilterScalar | null {
  if (value === null || typeof value === 'boolean') {
    charge(parsing, '', at);
    return value;
  }
  if (typeof value === 'number') {
    charge(parsing, '', at);
    // Beyond these, equal doubles stand for different integers elsewhere.
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER))
      throw fail(at, `${value} is not a finite number within ±(2^53-1)`);
    return value + 0; // −0 becomes 0
  }
  let text = value;
  if (Object.prototype.toString.call(value) === '[object Date]') {
    const date = value as Date;
    if (Number.isNaN(date.getTime())) throw fail(at, 'the Date is invalid');
    text = date.toISOString();
  }
  if (typeof text === 'string') {
    charge(parsing, text, at);
    return text;
  }
  const kind = Array.isArray(value)
    ? 'an array is not compared whole ($in takes several values, $contains an element)'
    : `a value of type ${typeof value} is no operand`;
  throw fail(at, `${kind}; give a string, number, boolean, Date or null`);
}

/** Counts a text, which must be storable: well-formed, without NUL. */
function charge(parsing: Parsing, text: string, at: string): void {
  parsing.bytesSeen += 1 + text.length;
  // UTF-8 has two bytes more for most units beyond ASCII, one more below U+0800 and for each half of a pair.
  for (let index = 0; index < text.length && parsing.bytesSeen <= parsing.bytes; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) parsing.bytesSeen += unit < 0x800 || unit >> 11 === 0x1b ? 1 : 2;
  }
  if (!(parsing.bytesSeen <= parsing.bytes)) throw overLimit(parsing, 'bytes', at);
  if (!text.isWellFormed() || text.includes('\0'))
    throw fail(at, 'text with a lone surrogate or U+0000 matches nothing that can be stored');
}

/** The own members of a plain object. An instance of a class is refused: it would look like `{}`, which matches everything. */
function members(parsing: Parsing, input: unknown, at: string, depth: number): [string, unknown][] {
  // So written that a limit which is no number allows nothing.
  if (!(depth <= parsing.depth)) throw overLimit(parsing, 'depth', at);
  const prototype: unknown = isObject(input) ? Object.getPrototypeOf(input) : undefined;
  if (prototype === undefined || (prototype !== null && Object.getPrototypeOf(prototype) !== null))
    throw fail(at, 'a plain object is expected');
  if (Object.getOwnPropertySymbols(input).length > 0) throw fail(at, 'a symbol is no path');
  const entries = Object.entries(input as object);
  parsing.nodesSeen += 1 + entries.length;
  if (!(parsing.nodesSeen <= parsing.nodes)) throw overLimit(parsing, 'nodes', at);
  return entries;
}

function isObject(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.prototype.toString.call(value) !== '[object Date]'
  );
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fail(at, 'a list is expected');
  return value;
}

function not(child: FilterNode): FilterNode {
  return { kind: 'not', child };
}

function fail(at: string, problem: string, details?: { readonly [name: string]: unknown }): Error {
  const path = at.length > 200 ? `${at.slice(0, 200)}…` : at;
  return invalidArgument(`Filter${path && ` at ${JSON.stringify(path)}`}: ${problem}`, { path, ...details });
}

function unknownOperator(operator: string, at: string, known: readonly string[], hint: string): Error {
  const name = operator.slice(0, 40);
  return fail(at, `operator ${name} does not exist here; there are ${known.join(' ')}${hint}`, {
    operator: name,
    operators: known,
  });
}

function overLimit(parsing: Parsing, limit: keyof FilterLimits, at: string): Error {
  return fail(at, `more than ${parsing[limit]} ${limit}; make the filter smaller or raise limits.${limit}`, { limit });
}
