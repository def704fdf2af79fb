import { type CompiledFilter, compileFilter } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode } from '@storage/core/filter';
import { joinOrNever, stringCondition } from './conditions.ts';
import type { Dialect } from './dialect.ts';
import { fragment, joinFragments, never, type SqlFragment } from './fragment.ts';
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
export function compileSqlFilter(
  dialect: Dialect,
  filter: FilterNode,
  resolve: ResolvePath,
): CompiledFilter<SqlFragment> {
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

function compileLeaf(dialect: Dialect, leaf: FilterLeaf, target: FilterTarget | undefined): SqlFragment {
  switch (target?.kind) {
    case undefined:
      return never;
    case 'json':
      return dialect.jsonLeaf(target.column, { ...leaf, path: target.path });
    case 'text':
      return stringCondition(target.column, leaf, dialect.list);
    case 'time':
      return joinOrNever(
        timeRanges(leaf).map(({ from, to }) =>
          from === to ? fragment(`${target.column} = ?`, from) : fragment(`${target.column} BETWEEN ? AND ?`, from, to),
        ),
      );
  }
}

/** A compiled filter of records with what helps to find them quickly. */
export interface RecordFilterSql extends SqlFragment {
  /** How an index finds the records. Missing: there is none to choose. */
  readonly seek?: RecordSeek | undefined;
}

export interface RecordSeek {
  /** The filter as conditions that exclude one another, each served by an index. */
  readonly arms: readonly SqlFragment[];
  /** Each of them is answered in the order of the keys. */
  readonly ordered: boolean;
}

/** A filter of records. `isIndexed` tells the fields that have indexes of `fieldIndexes`. */
export function compileRecordFilter(
  dialect: Dialect,
  filter: FilterNode,
  isIndexed: (path: readonly string[]) => boolean,
): CompiledFilter<RecordFilterSql> {
  const whole = (node: FilterNode): SqlFragment =>
    compileSqlFilter(dialect, node, recordTarget).native ?? fragment('TRUE');
  const needed = filter.kind === 'and' ? filter.children : [filter];
  const seeks = needed.flatMap((leaf) => {
    if (leaf.kind !== 'leaf' || !isIndexed(leaf.path)) return [];
    const arms = leafArms(dialect, leaf);
    if (arms === undefined) return [];
    const others = needed.filter((node) => node !== leaf).map(whole);
    return [{ arms: arms.map((arm) => joinFragments('AND', [arm, ...others])), ordered: leaf.op === 'eq' }];
  });
  // Equality finds fewest, and in order.
  const seek = seeks.find(({ ordered }) => ordered) ?? seeks[0];
  return { native: { ...whole(filter), seek }, precision: 'exact' };
}

function leafArms(dialect: Dialect, leaf: FilterLeaf): readonly SqlFragment[] | undefined {
  const target = recordTarget(leaf.path);
  if (target?.kind === 'json') return dialect.jsonArms(target.column, { ...leaf, path: target.path });
  return target?.kind === 'time' && leaf.op !== 'exists' ? [compileLeaf(dialect, leaf, target)] : undefined;
}
