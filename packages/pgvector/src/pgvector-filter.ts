import type { CollectionRow, CompiledFilter } from '@storage/backend-kit';
import { type FilterLeaf, type FilterNode, joinPath } from '@storage/core/filter';
import {
  compileSqlFilter,
  type Dialect,
  joinFragments,
  postgresDialect,
  type SqlFragment,
  vectorTarget,
} from '@storage/sql';

type Fields = CollectionRow['fields'];

/** Whether the index of a declared field serves the leaf: its operands are of the type that was declared. */
function isServed(leaf: FilterLeaf, fields: Fields): boolean {
  const name = joinPath(leaf.path);
  if (leaf.op === 'exists' || !Object.hasOwn(fields, name)) return false;
  const text = fields[name] === 'string' || fields[name] === 'date';
  const operands = leaf.op === 'in' ? leaf.value : [leaf.value];
  return operands.every((operand) => (typeof operand === 'string') === text);
}

/** A filter of metadata as SQL, exact; leaves on declared fields so written that their indexes serve them. */
export function compileVectorFilter(filter: FilterNode, fields: Fields): CompiledFilter<SqlFragment> {
  const dialect: Dialect = {
    ...postgresDialect,
    jsonLeaf: (column, leaf) => {
      const arms = isServed(leaf, fields) ? postgresDialect.jsonArms(column, leaf) : undefined;
      return arms === undefined ? postgresDialect.jsonLeaf(column, leaf) : joinFragments('OR', arms);
    },
  };
  return compileSqlFilter(dialect, filter, vectorTarget);
}
