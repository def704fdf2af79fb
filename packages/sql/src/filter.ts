import { type CompiledFilter, compileFilter } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode } from '@storage/core/filter';
import type { Dialect } from './dialect.ts';
import { fragment, joinFragments, never, type SqlFragment } from './fragment.ts';
import { prefixEnd } from './prefix.ts';
import { timeRanges } from './times.ts';

/** Where a path of the document lives in a row. */
export type FilterTarget =
  /** Inside a JSON column, at `path` from its root. */
  | { readonly kind: 'json'; readonly column: string; readonly path: readonly string[] }
  /** A text column that is never NULL. */
  | { readonly kind: 'text'; readonly column: string }
  /** A column of milliseconds that is never NULL, filtered as its ISO text. */
  | { readonly kind: 'time'; readonly column: string };

/** Finds the target of a path; `undefined`: no document has anything there. */
export type ResolvePath = (path: readonly string[]) => FilterTarget | undefined;

/** The targets of a record's paths. */
export const recordTarget: ResolvePath = ([root, ...path]) => {
  if (root === 'data' || root === 'metadata') return { kind: 'json', column: root, path };
  if (path.length > 0) return undefined;
  if (root === 'key') return { kind: 'text', column: 'key' };
  if (root === 'createdAt') return { kind: 'time', column: 'created_at' };
  return root === 'updatedAt' ? { kind: 'time', column: 'updated_at' } : undefined;
};

/** The targets of a vector document's paths: all in its metadata. */
export const vectorTarget: ResolvePath = (path) => ({ kind: 'json', column: 'metadata', path });

/**
 * A filter as an SQL condition that holds for exactly the rows that match. Leaves may be NULL for "no", which `IS NOT TRUE`
 * turns round as two-valued logic asks for; wrapping the leaves themselves would keep indexes from serving them.
 */
export function compileSqlFilter(dialect: Dialect, filter: FilterNode, resolve: ResolvePath): CompiledFilter<SqlFragment> {
  return compileFilter<SqlFragment>(filter, {
    backend: dialect.name,
    leaf: (leaf, negated) => {
      const { text, params } = compileLeaf(dialect, leaf, resolve(leaf.path));
      return { precision: 'exact', fragment: negated ? { text: `(${text}) IS NOT TRUE`, params } : { text, params } };
    },
    and: (children) => joinFragments('AND', children),
    or: (children) => joinFragments('OR', children),
    postFilter: false,
  });
}

/** A compiled filter of records with what helps to find them quickly. */
export interface RecordFilterSql extends SqlFragment {
  /** The filter as conditions that exclude one another, each of which an index answers in the order of the keys. */
  readonly arms?: readonly SqlFragment[] | undefined;
  /** An index serves a part of it, so that few rows need to be looked at. */
  readonly seeks: boolean;
}

/** A filter of records. `isIndexed` tells the fields that have indexes of `fieldIndexes`. */
export function compileRecordFilter(
  dialect: Dialect,
  filter: FilterNode,
  isIndexed: (path: readonly string[]) => boolean,
): CompiledFilter<RecordFilterSql> {
  const whole = (node: FilterNode): SqlFragment => compileSqlFilter(dialect, node, recordTarget).native ?? fragment('TRUE');
  const compiled = (seeks: boolean, arms?: readonly SqlFragment[]): CompiledFilter<RecordFilterSql> => ({
    native: { ...whole(filter), seeks, arms },
    precision: 'exact',
  });
  const needed = filter.kind === 'and' ? filter.children : [filter];
  let seeks = false;
  for (const leaf of needed) {
    if (leaf.kind !== 'leaf' || leaf.op === 'exists' || !isIndexed(leaf.path)) continue;
    seeks = true;
    const target = recordTarget(leaf.path);
    const arms = target?.kind === 'json' ? dialect.jsonArms(target.column, { ...leaf, path: target.path }) : undefined;
    if (arms === undefined) continue;
    const others = needed.filter((node) => node !== leaf).map(whole);
    return compiled(true, arms.map((arm) => joinFragments('AND', [arm, ...others])));
  }
  return compiled(seeks);
}

function compileLeaf(dialect: Dialect, leaf: FilterLeaf, target: FilterTarget | undefined): SqlFragment {
  switch (target?.kind) {
    case undefined:
      return never;
    case 'json':
      return dialect.jsonLeaf(target.column, { ...leaf, path: target.path });
    case 'text':
      return stringCondition(target.column, leaf);
    case 'time':
      return joinOrNever(
        timeRanges(leaf).map(({ from, to }) =>
          from === to ? fragment(`${target.column} = ?`, from) : fragment(`${target.column} BETWEEN ? AND ?`, from, to),
        ),
      );
  }
}

/** A condition on an expression that is a string by code point. Operands that are no strings never match. */
export function stringCondition(text: string, leaf: FilterLeaf): SqlFragment {
  if (leaf.op === 'exists') return fragment('TRUE');
  if (leaf.op === 'in') return anyOf(text, leaf.value.filter((value) => typeof value === 'string'));
  if (typeof leaf.value !== 'string') return never;
  if (leaf.op !== 'startsWith') return fragment(`${text} ${comparisons[leaf.op]} ?`, leaf.value);
  const end = prefixEnd(leaf.value);
  if (end === undefined) return fragment(`${text} >= ?`, leaf.value);
  return fragment(`${text} >= ? AND ${text} < ?`, leaf.value, end);
}

/** `text = ?` or `text IN (…)`; of nothing, never. */
export function anyOf(text: string, values: readonly (string | number)[]): SqlFragment {
  if (values.length === 0) return never;
  if (values.length === 1) return fragment(`${text} = ?`, ...values);
  return fragment(`${text} IN (${values.map(() => '?').join(', ')})`, ...values);
}

export const comparisons = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Any of the parts; of none, never. */
export function joinOrNever(parts: readonly SqlFragment[]): SqlFragment {
  const possible = parts.filter((part) => part !== never);
  return possible.length === 0 ? never : joinFragments('OR', possible);
}
