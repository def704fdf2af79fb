import {
  type CollectionRow,
  type CompiledFilter,
  type CompiledLeaf,
  compileFilter,
  isInstant,
} from '@storage/backend-kit';
import { type FilterLeaf, type FilterNode, type FilterScalar, joinPath } from '@storage/core/filter';
import type { Where } from 'chromadb';
import { declaredTypes, held, isNative, kindKey, kindOf, nativeKey, timeKey, tokenKey } from './chroma-shadow.ts';

type Range = 'gt' | 'gte' | 'lt' | 'lte';

const complements: { readonly [op in Range]: Range } = { gt: 'lte', gte: 'lt', lt: 'gte', lte: 'gt' };

/** Chroma nests what it is given; more values than this are asked for in a superset. */
const maxTokens = 32;

/** Chroma refuses `$and` and `$or` of less than two. */
function all(parts: readonly Where[]): Where {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { $and: [...parts] };
}

function any(parts: readonly Where[]): Where {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { $or: [...parts] };
}

const isFraction = (value: FilterScalar): value is number => typeof value === 'number' && !Number.isInteger(value);

/** A candidate that stands natively. A fraction is cut to a whole number when it is compared with whole numbers: 1.5 would hit 1. */
function equals(key: string, value: FilterScalar): Where {
  const hit: Where = { [key]: { $eq: value } };
  return isFraction(value) ? all([hit, { [key]: { $ne: Math.trunc(value) } }]) : hit;
}

/** Its complement, which holds where the key is missing. */
function differs(key: string, value: FilterScalar): Where {
  const miss: Where = { [key]: { $ne: value } };
  return isFraction(value) ? any([miss, { [key]: { $eq: Math.trunc(value) } }]) : miss;
}

/** A range over numbers that stand natively, missing left out; fractions mended. */
function ranges(key: string, op: Range, value: number): Where {
  const range: Where = { [key]: { [`$${op}`]: value } } as unknown as Where;
  if (!isFraction(value)) return range;
  const cut = Math.trunc(value);
  if (value > 0) {
    if (op === 'gte') return all([range, { [key]: { $ne: cut } }]);
    return op === 'lt' ? any([range, { [key]: { $eq: cut } }]) : range;
  }
  if (op === 'gt') return any([range, { [key]: { $eq: cut } }]);
  return op === 'lte' ? all([range, { [key]: { $ne: cut } }]) : range;
}

/** The values of an `$in` that stand natively: texts and whole numbers in a list of their own each, for lists of two types are refused. */
function members(key: string, values: readonly FilterScalar[], negated: boolean, declared: boolean): readonly Where[] {
  const native = values.filter(isNative);
  const list = (of: readonly FilterScalar[]): Where[] =>
    of.length === 0 ? [] : [{ [key]: { [negated ? '$nin' : '$in']: of } } as unknown as Where];
  const one = negated ? differs : equals;
  return [
    ...list(native.filter((value) => typeof value === 'string')),
    ...list(native.filter((value) => Number.isInteger(value))),
    ...native.filter(isFraction).map((value) => one(key, value)),
    // The server has no index of booleans; of declared ones the kind tells which.
    ...native
      .filter((value) => typeof value === 'boolean')
      .map((value) => (declared ? one(kindKey(key), kindOf(value)) : one(key, value))),
  ];
}

function compileEquality(
  key: string,
  values: readonly FilterScalar[],
  negated: boolean,
  declared: boolean,
): CompiledLeaf<Where> {
  const native = members(key, values, negated, declared);
  if (values.length > maxTokens) {
    if (values.filter((value) => !isNative(value) || isFraction(value)).length > maxTokens) return 'unsupported';
    if (negated) return native.length === 0 ? 'unsupported' : { precision: 'superset', fragment: all(native) };
    return { precision: 'superset', fragment: any([...native, { [kindKey(key)]: 'a' }]) };
  }
  const tokens = values.map((value): Where => ({ [tokenKey(key, value)]: negated ? { $ne: held } : held }));
  return { precision: 'exact', fragment: (negated ? all : any)([...native, ...tokens]) };
}

/** What a range is asked of: a number, or the time of a declared date. */
function bound(
  leaf: FilterLeaf & { op: Range },
  declared: string | undefined,
): { time: boolean; value: number } | undefined {
  const { value } = leaf;
  if (typeof value === 'number') return { time: false, value };
  return declared === 'date' && isInstant(value) ? { time: true, value: Date.parse(value) } : undefined;
}

function compileLeaf(leaf: FilterLeaf, negated: boolean, { fields }: CollectionRow): CompiledLeaf<Where> {
  const key = nativeKey(leaf.path);
  const declared = declaredTypes(fields).get(joinPath(leaf.path));
  switch (leaf.op) {
    case 'eq':
      return compileEquality(key, [leaf.value], negated, declared !== undefined);
    case 'in':
      return compileEquality(key, leaf.value, negated, declared !== undefined);
    case 'exists': {
      if (declared === undefined) return 'unsupported';
      const kinds = ['s', 'n', 't', 'f', 'a', 'o'];
      return { precision: 'exact', fragment: { [kindKey(key)]: negated ? { $nin: kinds } : { $in: kinds } } };
    }
    case 'startsWith':
      return 'unsupported';
    default: {
      const asked = bound(leaf, declared);
      if (asked === undefined) return 'unsupported';
      const { time, value } = asked;
      const over = time ? timeKey(key) : key;
      // Ranges never hit the elements of an array, whose documents are read and rechecked.
      if (!negated)
        return { precision: 'superset', fragment: any([ranges(over, leaf.op, value), { [kindKey(key)]: 'a' }]) };
      // What has no number there is told by its kind alone, which declared fields have.
      if (declared === undefined) return 'unsupported';
      const fragment = any([ranges(over, complements[leaf.op], value), { [kindKey(key)]: { $ne: time ? 's' : 'n' } }]);
      return { precision: 'superset', fragment };
    }
  }
}

/** The portable filter as a native one, for documents that this library wrote. */
export function compileChromaFilter(collection: CollectionRow, filter: FilterNode): CompiledFilter<Where> {
  return compileFilter<Where>(filter, {
    backend: 'chroma',
    leaf: (leaf, negated) => compileLeaf(leaf, negated, collection),
    and: all,
    or: any,
    postFilter: true,
  });
}
