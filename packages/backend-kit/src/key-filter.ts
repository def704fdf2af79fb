import type { FilterLeaf, FilterNode } from '@storage/core/filter';
import { type CompiledLeaf, compileFilter } from './filter-compiler.ts';
import type { CompiledFilter } from './record-driver.ts';

/** A filter as a store runs it that sees keys alone while it lists. */
export type KeyFilter = (key: string) => boolean;

function compileLeaf(leaf: FilterLeaf, negated: boolean): CompiledLeaf<KeyFilter> {
  if (leaf.path.length !== 1 || leaf.path[0] !== 'key') return 'unsupported';
  switch (leaf.op) {
    case 'eq':
      return { precision: 'exact', fragment: (key) => (key === leaf.value) !== negated };
    case 'startsWith':
      return { precision: 'exact', fragment: (key) => key.startsWith(leaf.value) !== negated };
    default:
      return 'unsupported';
  }
}

/** What of a portable filter can be said of keys alone; the rest is read and rechecked. */
export function compileKeyFilter(backend: string, filter: FilterNode): CompiledFilter<KeyFilter> {
  return compileFilter<KeyFilter>(filter, {
    backend,
    leaf: compileLeaf,
    and: (children) => (key) => children.every((child) => child(key)),
    or: (children) => (key) => children.some((child) => child(key)),
    postFilter: true,
  });
}
