import { invalid } from './errors.ts';
import type { Metadata, MetadataValue } from './metadata.ts';

/** Says whether the metadata of a record matches. */
export type Matcher = (metadata: Metadata | undefined) => boolean;

export interface FilterRules {
  /**
   * Whether `$ne` and `$nin` match records that lack the field. The vendor's documentation does not say. Users
   * measured in March 2024 that they no longer do (https://github.com/deepset-ai/haystack-core-integrations/issues/590),
   * which is the default here; tests of the vendor's own client of the same year are skipped because the server
   * counted such records in. A client that is right under both settings is right whatever the vendor does.
   */
  readonly negationMatchesMissing: boolean;
  /** The fields that are indexed; missing: all. Filters see no others. */
  readonly indexedFields: ReadonlySet<string> | undefined;
}

type Scalar = string | number | boolean;
type Leaf = (value: MetadataValue | undefined) => boolean;

const maxListValues = 10_000;

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of strings takes on each of its values; types are never mixed: '1' is not 1. */
function holds(value: MetadataValue, wanted: Scalar): boolean {
  return typeof value === 'object' ? value.some((element) => element === wanted) : value === wanted;
}

function scalarOperand(operator: string, operand: unknown): Scalar {
  if (isScalar(operand)) return operand;
  throw invalid(
    `the ${operator} operator must be followed by a string, number, or boolean, got ${JSON.stringify(operand)} instead`,
  );
}

function numberOperand(operator: string, operand: unknown): number {
  if (typeof operand === 'number') return operand;
  throw invalid(`the ${operator} operator must be followed by a number, got ${JSON.stringify(operand)} instead`);
}

function listOperand(operator: string, operand: unknown): readonly (string | number)[] {
  const fits = (value: unknown) => typeof value === 'string' || typeof value === 'number';
  if (!Array.isArray(operand) || operand.length === 0 || !operand.every(fits)) {
    throw invalid(
      `the ${operator} operator must be followed by a list of strings or numbers, got ${JSON.stringify(operand)} instead`,
    );
  }
  if (operand.length > maxListValues) {
    throw invalid(`the ${operator} operator accepts at most ${maxListValues} values, got ${operand.length}`);
  }
  return operand;
}

function range(operator: string, operand: unknown, compare: (value: number, bound: number) => boolean): Leaf {
  const bound = numberOperand(operator, operand);
  return (value) => typeof value === 'number' && compare(value, bound);
}

function among(operator: string, operand: unknown): (value: MetadataValue) => boolean {
  const wanted = new Set<Scalar>(listOperand(operator, operand));
  return (value) => (typeof value === 'object' ? value.some((element) => wanted.has(element)) : wanted.has(value));
}

/**
 * The operators of https://docs.pinecone.io/guides/search/filter-by-metadata#metadata-filter-expressions as of API
 * 2026-04. `$not`, which later pages list, is not among them.
 */
function leaf(operator: string, operand: unknown, rules: FilterRules): Leaf | undefined {
  const missing = rules.negationMatchesMissing;
  switch (operator) {
    case '$eq': {
      const wanted = scalarOperand(operator, operand);
      return (value) => value !== undefined && holds(value, wanted);
    }
    case '$ne': {
      // Of a list of strings: none of them equals. The documentation of databases doesn't say; that of assistants, which
      // take the same filters, does: https://docs.pinecone.io/guides/assistant/file-metadata.
      const unwanted = scalarOperand(operator, operand);
      return (value) => (value === undefined ? missing : !holds(value, unwanted));
    }
    case '$gt':
      return range(operator, operand, (value, bound) => value > bound);
    case '$gte':
      return range(operator, operand, (value, bound) => value >= bound);
    case '$lt':
      return range(operator, operand, (value, bound) => value < bound);
    case '$lte':
      return range(operator, operand, (value, bound) => value <= bound);
    case '$in': {
      const inList = among(operator, operand);
      return (value) => value !== undefined && inList(value);
    }
    case '$nin': {
      const inList = among(operator, operand);
      return (value) => (value === undefined ? missing : !inList(value));
    }
    case '$exists': {
      if (typeof operand !== 'boolean') {
        throw invalid(`the $exists operator must be followed by a boolean, got ${JSON.stringify(operand)} instead`);
      }
      return (value) => (value !== undefined) === operand;
    }
    default:
      return undefined;
  }
}

function fieldMatcher(field: string, condition: unknown, rules: FilterRules): Matcher {
  const leaves: Leaf[] = [];
  if (isScalar(condition)) {
    leaves.push((value) => value !== undefined && holds(value, condition));
  } else if (isObject(condition) && Object.keys(condition).length > 0) {
    for (const [operator, operand] of Object.entries(condition)) {
      const compiled = leaf(operator, operand, rules);
      if (compiled === undefined) {
        throw invalid(`illegal condition for field ${field}, got ${JSON.stringify(condition)}`);
      }
      leaves.push(compiled);
    }
  } else {
    throw invalid(`illegal condition for field ${field}, got ${JSON.stringify(condition)}`);
  }
  const seen = rules.indexedFields?.has(field) ?? true;
  return (metadata) => {
    const value = seen && metadata !== undefined && Object.hasOwn(metadata, field) ? metadata[field] : undefined;
    return leaves.every((matches) => matches(value));
  };
}

function clauseMatchers(operator: string, clauses: unknown, rules: FilterRules): readonly Matcher[] {
  if (!Array.isArray(clauses) || clauses.length === 0) {
    throw invalid(`the ${operator} operator must be followed by a list of filters, got ${JSON.stringify(clauses)}`);
  }
  return clauses.map((clause) => compileFilter(clause, rules));
}

/**
 * Compiles a filter expression, or refuses it. Of a record's own fields alone; field names are taken whole, dots
 * included. An empty expression is refused: nothing says what it would mean to delete by it.
 */
export function compileFilter(filter: unknown, rules: FilterRules): Matcher {
  if (!isObject(filter) || Object.keys(filter).length === 0) {
    throw invalid(`a filter must be an object with at least one condition, got ${JSON.stringify(filter)}`);
  }
  const matchers = Object.entries(filter).map(([key, condition]): Matcher => {
    if (key === '$and') {
      const all = clauseMatchers(key, condition, rules);
      return (metadata) => all.every((matches) => matches(metadata));
    }
    if (key === '$or') {
      const any = clauseMatchers(key, condition, rules);
      return (metadata) => any.some((matches) => matches(metadata));
    }
    if (key.startsWith('$')) {
      throw invalid(`only $and and $or are allowed at the top level of a filter, got ${key}`);
    }
    return fieldMatcher(key, condition, rules);
  });
  return (metadata) => matchers.every((matches) => matches(metadata));
}
