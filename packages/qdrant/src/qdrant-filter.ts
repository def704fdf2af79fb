import { type CompiledFilter, type CompiledLeaf, compileFilter, fieldsOf, timeRanges } from '@storage/backend-kit';
import { type FilterLeaf, type FilterNode, joinPath } from '@storage/core/filter';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import { above, dateKey, escapeKey, shadowKey } from './qdrant-points.ts';

interface Bounds {
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

/** A condition in Qdrant's words. One predicate each: several in one condition are a disjunction there. */
export type QdrantCondition =
  | { readonly key: string; readonly match: { readonly value: string | boolean } | { readonly any: string[] } }
  | { readonly key: string; readonly range: Bounds }
  | { readonly is_empty: { readonly key: string } }
  | { readonly has_id: (string | number)[] }
  | QdrantFilter;

export interface QdrantFilter {
  readonly must?: QdrantCondition[];
  readonly should?: QdrantCondition[];
  readonly must_not?: QdrantCondition[];
}

/** True of nothing. An empty `should` would be no condition at all. */
const nothing: QdrantCondition = { has_id: [] };

/** Indexes that answer as their absence does. The others treat 5.0 as 5, forget 5.5, or compare what they made of a text. */
const faithful: ReadonlySet<string> = new Set(['keyword', 'float', 'bool']);

function all(conditions: readonly QdrantCondition[]): QdrantCondition {
  return conditions.length === 1 ? (conditions[0] ?? nothing) : { must: [...conditions] };
}

function any(conditions: readonly QdrantCondition[]): QdrantCondition {
  if (conditions.length === 0) return nothing;
  return conditions.length === 1 ? (conditions[0] ?? nothing) : { should: [...conditions] };
}

function not(condition: QdrantCondition): QdrantCondition {
  return { must_not: [condition] };
}

/** A path in Qdrant's notation; `undefined`: it can't be written there. */
export function fieldPath(keys: readonly string[]): string | undefined {
  const [first = '', ...rest] = keys;
  const written = [escapeKey(first), ...rest];
  // A quoted key has no escapes, and ends at the first quote.
  if (written.some((key) => key === '' || /["\\]/.test(key))) return undefined;
  return written.map((key) => (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? key : `"${key}"`)).join('.');
}

/** The path of a member of our own. */
export function shadowPath(member: string): string {
  return `${shadowKey}.${member}`;
}

function equalTo(key: string, value: string | number | boolean): QdrantCondition {
  // Qdrant's match takes whole numbers alone, and would not find 1.0 where 1 stands.
  if (typeof value === 'number') return { key, range: { gte: value, lte: value } };
  // A match of one value that looks like a UUID finds nothing where the field has an index of numbers; a match of any finds it.
  return { key, match: typeof value === 'string' ? { any: [value] } : { value } };
}

function oneOf(key: string, values: readonly (string | number | boolean)[]): QdrantCondition {
  const texts = values.filter((value) => typeof value === 'string');
  const others = values.filter((value) => typeof value !== 'string').map((value) => equalTo(key, value));
  return any(
    texts.length > 1 ? [{ key, match: { any: texts } }, ...others] : values.map((value) => equalTo(key, value)),
  );
}

/** A condition that is exact, or `undefined` where Qdrant has no words for it. */
function condition(leaf: FilterLeaf, key: string): QdrantCondition | undefined {
  switch (leaf.op) {
    case 'exists':
      // Empty is what is missing, null or []: what the contract calls absent.
      return not({ is_empty: { key } });
    case 'eq':
      return equalTo(key, leaf.value);
    case 'in':
      return oneOf(key, leaf.value);
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return typeof leaf.value === 'number' ? { key, range: { [leaf.op]: leaf.value } } : undefined;
    case 'startsWith':
      return undefined;
  }
}

/** A condition on the texts of a declared date, as ranges of its times; `undefined`: none says the same. */
function timesCondition(leaf: FilterLeaf, key: string): QdrantCondition | undefined {
  if (leaf.op === 'exists') return undefined;
  const values = leaf.op === 'in' ? leaf.value : [leaf.value];
  if (!values.every((value) => typeof value === 'string')) return undefined;
  return any(timeRanges(leaf).map(({ from, to }) => ({ key, range: { gte: from, lte: to } })));
}

function compileLeaf(
  collection: QdrantCollection,
  dates: ReadonlyMap<string, string>,
  leaf: FilterLeaf,
  negated: boolean,
): CompiledLeaf<QdrantCondition> {
  const key = fieldPath(leaf.path);
  const name = joinPath(leaf.path);
  const times = dates.get(name);
  if (times !== undefined) {
    const within = timesCondition(leaf, times);
    // What something else wrote has no times to compare: it is let through, and its text is compared afterwards.
    if (within !== undefined)
      return {
        precision: 'superset',
        fragment: negated ? not(within) : any([within, { is_empty: { key: shadowPath('at') } }]),
      };
  }
  if (key === undefined) return 'unsupported';
  const index = collection.indexes.get(key);
  if (index !== undefined && !faithful.has(index)) return 'unsupported';
  const exact = condition(leaf, key);
  if (exact !== undefined) return { precision: 'exact', fragment: negated ? not(exact) : exact };
  // Texts have no order here, and a prefix is known to newer servers alone; with an index at least what is empty is left out.
  return index === undefined || negated
    ? 'unsupported'
    : { precision: 'superset', fragment: not({ is_empty: { key } }) };
}

/** The portable filter as one of Qdrant's. */
export function compileQdrantFilter(collection: QdrantCollection, filter: FilterNode): CompiledFilter<QdrantCondition> {
  const dates = new Map(
    fieldsOf(collection, 'date').map((path, index) => [joinPath(path), shadowPath(dateKey(index))] as const),
  );
  return compileFilter<QdrantCondition>(filter, {
    backend: 'qdrant',
    leaf: (leaf, negated) => compileLeaf(collection, dates, leaf, negated),
    and: all,
    or: any,
    postFilter: true,
  });
}

/** The documents of one namespace. Those of the root have none written down, so what others wrote belongs there. */
function inNamespace(ns: string): QdrantCondition {
  const key = shadowPath('ns');
  return ns === '' ? { is_empty: { key } } : { key, match: { value: ns } };
}

/** A compiled filter in every namespace. */
export function anywhere(filter: QdrantCondition | undefined): QdrantFilter | undefined {
  return filter === undefined ? undefined : { must: [filter] };
}

/** A compiled filter within a namespace. */
export function within(ns: string, filter: QdrantCondition | undefined): QdrantFilter {
  return { must: filter === undefined ? [inNamespace(ns)] : [inNamespace(ns), filter] };
}

/** Every document of a namespace, and with `recursive` of those below. `undefined`: every document. */
export function wholeNamespace(ns: string, recursive: boolean): QdrantFilter | undefined {
  if (!recursive) return within(ns, undefined);
  if (ns === '') return undefined;
  return { must: [{ key: shadowPath('ns'), match: { any: [ns, above(ns)] } }] };
}
