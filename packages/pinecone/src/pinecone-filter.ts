import { type CompiledFilter, type CompiledLeaf, compileFilter } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode, FilterScalar } from '@storage/core/filter';
import { instantOf } from './pinecone-records.ts';
import { fieldOf, isPlainKey, shadow, tag, versionTag } from './pinecone-shadows.ts';

/** A filter as Pinecone runs it. */
export type PineconeFilter = { readonly [field: string]: unknown };

/** The most values that the vendor takes in a list. */
const maxListValues = 10_000;

function all(filters: readonly PineconeFilter[]): PineconeFilter {
  const [only] = filters;
  return only !== undefined && filters.length === 1 ? only : { $and: filters };
}

function any(filters: readonly PineconeFilter[]): PineconeFilter {
  const [only] = filters;
  return only !== undefined && filters.length === 1 ? only : { $or: filters };
}

const tagged = (...tags: readonly string[]): PineconeFilter => ({ [shadow.tags]: { $in: tags } });
/** Of a list that is always there, so that it does not matter what `$nin` makes of a field that is missing. */
const untagged = (...tags: readonly string[]): PineconeFilter => ({ [shadow.tags]: { $nin: tags } });
/** What something else wrote has no tags; it is looked at here. */
const foreign: PineconeFilter = { [shadow.tags]: { $exists: false } };

/** Every record, for requests that need a filter. */
export const everything: PineconeFilter = any([tagged(versionTag), untagged(versionTag), foreign]);

const superset = (fragment: PineconeFilter): CompiledLeaf<PineconeFilter> => ({ precision: 'superset', fragment });

/** Values by type: a list in a filter takes no booleans. */
function byType(values: readonly FilterScalar[]): {
  readonly strings: readonly string[];
  readonly numbers: readonly number[];
  readonly booleans: readonly boolean[];
} {
  return {
    strings: values.filter((value) => typeof value === 'string'),
    numbers: values.filter((value) => typeof value === 'number'),
    booleans: values.filter((value) => typeof value === 'boolean'),
  };
}

/** One of the values. What is kept natively answers by itself; numbers and booleans of lists have a tag each. */
function equalsAny(field: string, values: readonly FilterScalar[]): PineconeFilter {
  const { strings, numbers, booleans } = byType(values);
  const lists = [strings, numbers].filter((list) => list.length > 0);
  const listed = [...numbers, ...booleans].map((value) => tag.listed(field, value));
  return any([
    ...lists.map((list) => ({ [field]: list.length === 1 ? { $eq: list[0] } : { $in: list } })),
    ...booleans.map((value) => ({ [field]: { $eq: value } })),
    ...(listed.length > 0 ? [tagged(...listed)] : []),
  ]);
}

/** None of the values. A field is asked only where a tag says that it is there and of that type. */
function equalsNone(field: string, values: readonly FilterScalar[]): PineconeFilter {
  const { strings, numbers, booleans } = byType(values);
  const unless = (present: string, conditions: readonly PineconeFilter[]): PineconeFilter[] =>
    conditions.length === 0 ? [] : [any([untagged(present), all(conditions)])];
  const none = (list: readonly FilterScalar[]): PineconeFilter[] =>
    list.length === 0 ? [] : [{ [field]: list.length === 1 ? { $ne: list[0] } : { $nin: list } }];
  const listed = [...numbers, ...booleans].map((value) => tag.listed(field, value));
  return all([
    ...(listed.length > 0 ? [untagged(...listed)] : []),
    ...unless(tag.string(field), none(strings)),
    ...unless(tag.number(field), none(numbers)),
    ...unless(
      tag.boolean(field),
      booleans.map((value) => ({ [field]: { $ne: value } })),
    ),
  ]);
}

type RangeOperator = 'gt' | 'gte' | 'lt' | 'lte';
const complements = { gt: '$lte', gte: '$lt', lt: '$gte', lte: '$gt' } as const;

function compileRange(
  field: string,
  op: RangeOperator,
  value: string | number,
  negated: boolean,
  dates: ReadonlySet<string>,
): CompiledLeaf<PineconeFilter> {
  const operator = negated ? complements[op] : (`$${op}` as const);
  if (typeof value === 'number') {
    // Lists of numbers are not kept natively, and are looked at here.
    const native = { [field]: { [operator]: value } };
    if (!negated) return superset(any([native, tagged(tag.listedNumber(field)), foreign]));
    return superset(any([native, untagged(tag.number(field)), foreign]));
  }
  const instant = dates.has(field) ? instantOf(value) : undefined;
  if (instant === undefined) {
    // Pinecone does not order strings: whatever has one is looked at.
    return negated ? 'unsupported' : superset(any([tagged(tag.string(field)), foreign]));
  }
  const native = { [shadow.date + field]: { [operator]: instant } };
  const other = tagged(tag.otherDate(field));
  if (!negated) return superset(any([native, other, foreign]));
  return superset(any([native, other, untagged(tag.string(field)), foreign]));
}

function compileLeaf(leaf: FilterLeaf, negated: boolean, dates: ReadonlySet<string>): CompiledLeaf<PineconeFilter> {
  const field = fieldOf(leaf.path);
  switch (leaf.op) {
    case 'eq':
    case 'in': {
      const values = leaf.op === 'eq' ? [leaf.value] : leaf.value;
      if (values.length > maxListValues) return 'unsupported';
      if (negated) return superset(any([equalsNone(field, values), foreign]));
      // A field that something else wrote is at the top, under its own name.
      const own = leaf.path.length === 1 && isPlainKey(leaf.path[0] ?? '');
      const fragment = equalsAny(field, values);
      return own ? { precision: 'exact', fragment } : superset(any([fragment, foreign]));
    }
    case 'exists': {
      const there = negated ? untagged(tag.exists(field)) : tagged(tag.exists(field));
      return superset(any([there, foreign]));
    }
    case 'startsWith':
      return negated ? 'unsupported' : superset(any([tagged(tag.string(field)), foreign]));
    default:
      return compileRange(field, leaf.op, leaf.value, negated, dates);
  }
}

/** The portable filter as a native one. `dates`: the fields that were declared to hold dates. */
export function compilePineconeFilter(filter: FilterNode, dates: ReadonlySet<string>): CompiledFilter<PineconeFilter> {
  return compileFilter<PineconeFilter>(filter, {
    backend: 'pinecone',
    leaf: (leaf, negated) => compileLeaf(leaf, negated, dates),
    and: (children) => ({ $and: children }),
    or: (children) => ({ $or: children }),
    postFilter: true,
  });
}
