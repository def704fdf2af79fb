import { StorageError } from '@storage/core';
import { type FilterLeaf, type FilterNode, joinPath } from '@storage/core/filter';
import type { CompiledFilter } from './record-driver.ts';

/** What a backend makes of one leaf. */
export type CompiledLeaf<Fragment> =
  /** `exact`: true of exactly what the leaf is true of, which is never unknown or null. `superset`: true of at least that. */
  | { readonly precision: 'exact' | 'superset'; readonly fragment: Fragment }
  /** Nothing can be said natively. */
  | 'unsupported';

export interface FilterCompilerOptions<Fragment> {
  readonly backend: string;
  /** Compiles a condition on one path. `negated`: its complement, which also holds where the path is missing; a superset of it is not the complement of a superset. */
  readonly leaf: (leaf: FilterLeaf, negated: boolean) => CompiledLeaf<Fragment>;
  /** Two or more. */
  readonly and: (children: readonly Fragment[]) => Fragment;
  /** Two or more. */
  readonly or: (children: readonly Fragment[]) => Fragment;
  /** What `unsupported` comes to. `true`: everything is read and rechecked. `false`: `unsupported_filter`. */
  readonly postFilter: boolean;
}

/** `undefined` as native: true of everything. */
interface Part<Fragment> {
  readonly native: Fragment | undefined;
  readonly exact: boolean;
}

const everything: Part<never> = { native: undefined, exact: false };

const negatedNames: Partial<Record<FilterLeaf['op'], string>> = { eq: '$ne', in: '$nin', exists: '$exists: false' };

function refuse(leaf: FilterLeaf, negated: boolean, backend: string): StorageError {
  const operator = negated ? (negatedNames[leaf.op] ?? `$not $${leaf.op}`) : `$${leaf.op}`;
  const path = joinPath(leaf.path);
  return new StorageError({
    code: 'unsupported_filter',
    message: `${backend} can't answer ${operator} on ${JSON.stringify(path.slice(0, 200))}; leave it out, or filter what is read yourself.`,
    details: { operator, path, backend },
  });
}

/**
 * A filter in negation normal form as a native one. `not` stands on leaves only, so a superset of each leaf is a superset of
 * the whole; where all leaves are exact so is the whole, and nothing is rechecked.
 */
export function compileFilter<Fragment>(
  node: FilterNode,
  options: FilterCompilerOptions<Fragment>,
): CompiledFilter<Fragment> {
  const { native, exact } = compile(node, options);
  return { native, precision: exact ? 'exact' : 'superset' };
}

function compile<Fragment>(node: FilterNode, options: FilterCompilerOptions<Fragment>): Part<Fragment> {
  switch (node.kind) {
    case 'leaf':
      return compileLeaf(node, false, options);
    case 'not':
      if (node.child.kind === 'leaf') return compileLeaf(node.child, true, options);
      break;
    case 'and': {
      const parts = node.children.map((child) => compile(child, options));
      const natives = parts.flatMap(({ native }) => (native === undefined ? [] : [native]));
      return { native: join(natives, options.and), exact: parts.every(({ exact }) => exact) };
    }
    case 'or': {
      const parts = node.children.map((child) => compile(child, options));
      const natives = parts.flatMap(({ native }) => (native === undefined ? [] : [native]));
      // One branch that may be anything makes the whole anything.
      if (natives.length < parts.length) return everything;
      return { native: join(natives, options.or), exact: parts.every(({ exact }) => exact) };
    }
  }
  throw new StorageError({
    code: 'internal',
    message: `A filter to compile must be folded and in negation normal form; this one has a ${node.kind}.`,
  });
}

function join<Fragment>(
  natives: readonly Fragment[],
  combine: (children: readonly Fragment[]) => Fragment,
): Fragment | undefined {
  return natives.length > 1 ? combine(natives) : natives[0];
}

function compileLeaf<Fragment>(
  leaf: FilterLeaf,
  negated: boolean,
  options: FilterCompilerOptions<Fragment>,
): Part<Fragment> {
  const compiled = options.leaf(leaf, negated);
  if (compiled !== 'unsupported') return { native: compiled.fragment, exact: compiled.precision === 'exact' };
  if (!options.postFilter) throw refuse(leaf, negated, options.backend);
  return everything;
}
