import { type CompiledFilter, type CompiledLeaf, compileFilter } from '@storage/backend-kit';
import type { FilterLeaf, FilterNode } from '@storage/core/filter';

/** A filter as a list can answer it. */
export type S3Filter = (key: string) => boolean;

/** A list tells keys alone. What it can't say is read and rechecked by the kit. */
function compileLeaf(leaf: FilterLeaf, negated: boolean): CompiledLeaf<S3Filter> {
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

/** The portable filter as a native one. */
export function compileS3Filter(filter: FilterNode): CompiledFilter<S3Filter> {
  return compileFilter<S3Filter>(filter, {
    backend: 's3',
    leaf: compileLeaf,
    and: (children) => (key) => children.every((child) => child(key)),
    or: (children) => (key) => children.some((child) => child(key)),
    postFilter: true,
  });
}
