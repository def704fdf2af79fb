import { type CompiledFilter, type CompiledLeaf, compileFilter } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode } from '@storage/core/filter';

/** A filter as the engine runs it. */
export type QdrantFilter = (key: string) => boolean;

/** The engine sees keys alone. What it can't say is read and rechecked by the kit; each leaf that it learns makes queries cheaper. */
function compileLeaf(leaf: FilterLeaf, negated: boolean): CompiledLeaf<QdrantFilter> {
  if (leaf.path.join('.') !== 'key') return 'unsupported';
  switch (leaf.op) {
    case 'eq':
      return { precision: 'exact', fragment: (key) => (key === leaf.value) !== negated };
    case 'startsWith':
      return { precision: 'exact', fragment: (key) => key.startsWith(leaf.value) !== negated };
    default:
      return 'unsupported';
  }
}

/** The portable filter as a native one. */
export function compileQdrantFilter(filter: FilterNode): CompiledFilter<QdrantFilter> {
  return compileFilter<QdrantFilter>(filter, {
    backend: 'qdrant',
    leaf: compileLeaf,
    and: (children) => (key) => children.every((child) => child(key)),
    or: (children) => (key) => children.some((child) => child(key)),
    postFilter: true,
  });
}
