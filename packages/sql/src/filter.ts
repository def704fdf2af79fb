import { type CompiledFilter, compileFilter, timeRanges } from '@storage/backend-kit';
import { type FilterLeaf, type FilterNode, joinPath } from '@storage/core/filter';
import { joinOrNever, stringCondition } from './conditions.ts';
import type { Dialect } from './dialect.ts';
import { fragment, joinFragments, never, type SqlFragment } from './fragment.ts';

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

/** A compiled filter of records. */
export interface RecordFilterSql {
  /** The filter as conditions that exclude one another; together they hold for exactly the rows that match. */
  readonly arms: readonly SqlFragment[];
  /** An index serves each of them, and answers in the order of the keys or in one of its own. Missing: there is none to choose. */
  readonly seek?: 'by key' | 'otherwise' | undefined;
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
  const indexed = needed.flatMap((node) => (node.kind === 'leaf' && isIndexed(node.path) ? [node] : []));
  // Equality finds fewest, and in order.
  for (const leaf of [...indexed.filter(({ op }) => op === 'eq'), ...indexed]) {
    const arms = leafArms(dialect, leaf);
    if (arms === undefined) continue;
    // The ends of one range are sought together.
    const ends = indexed.flatMap((other) => {
      const found = other !== leaf && isOtherEnd(leaf, other) ? leafArms(dialect, other) : undefined;
      return found?.length === arms.length ? [{ other, found }] : [];
    });
    const sought = new Set<FilterNode>([leaf, ...ends.map(({ other }) => other)]);
    const others = needed.filter((node) => !sought.has(node)).map(whole);
    return {
      native: {
        arms: arms.map((arm, index) =>
          joinFragments('AND', [arm, ...ends.flatMap(({ found }) => found[index] ?? []), ...others]),
        ),
        seek: leaf.op === 'eq' ? 'by key' : 'otherwise',
      },
      precision: 'exact',
    };
  }
  return { native: { arms: [whole(filter)] }, precision: 'exact' };
}

/**
 * Whether two leaves are ends of a range of one field. Their arms then pair off, kind by kind: no value satisfies an arm of the one
 * and an arm of another kind of the other.
 */
function isOtherEnd(a: FilterLeaf, b: FilterLeaf): boolean {
  const ordered = (leaf: FilterLeaf): boolean => leaf.op !== 'eq' && leaf.op !== 'in' && leaf.op !== 'exists';
  if (!ordered(a) || !ordered(b) || a.op === 'exists' || b.op === 'exists') return false;
  return joinPath(a.path) === joinPath(b.path) && typeof a.value === typeof b.value;
}

function leafArms(dialect: Dialect, leaf: FilterLeaf): readonly SqlFragment[] | undefined {
  const target = recordTarget(leaf.path);
  if (target?.kind === 'json') return dialect.jsonArms(target.column, { ...leaf, path: target.path });
  return target?.kind === 'time' && leaf.op !== 'exists' ? [compileLeaf(dialect, leaf, target)] : undefined;
}
