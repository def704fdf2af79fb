import { invalidArgument } from '@storage/core';
import { splitPath } from '@storage/core/filter';

/** What is left of the data of a JSON record. */
export type Projection = (data: unknown) => unknown;

const maxPaths = 1000;

interface Tree {
  /** `undefined`: taken whole. */
  readonly children: Map<string, Tree> | undefined;
}

const whole: Tree = { children: undefined };

function add(tree: Tree, keys: readonly string[]): Tree {
  const [key, ...rest] = keys;
  if (key === undefined || tree.children === undefined) return whole;
  const children = new Map(tree.children);
  children.set(key, add(children.get(key) ?? { children: new Map() }, rest));
  return { children };
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function project(value: unknown, tree: Tree): unknown {
  if (tree.children === undefined) return value;
  const result: { [key: string]: unknown } = {};
  if (!isObject(value)) return result;
  for (const [key, child] of tree.children) {
    if (!Object.hasOwn(value, key)) continue;
    const member = value[key];
    if (child.children !== undefined && !isObject(member)) continue;
    // Defined, not assigned: `__proto__` is a key like any other.
    Object.defineProperty(result, key, {
      value: project(member, child),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

/** A projection to these paths below `data`. Paths that are missing are left out; bytes have no paths and stay whole. */
export function compileSelect(select: unknown): Projection | undefined {
  if (select === undefined) return undefined;
  if (!Array.isArray(select) || select.length > maxPaths)
    throw invalidArgument(`select must be a list of at most ${maxPaths} paths.`, { path: 'select' });
  let tree: Tree = { children: new Map() };
  for (const path of select as readonly unknown[]) {
    const [root, ...keys] = typeof path === 'string' ? splitPath(path) : [];
    if (root !== 'data')
      throw invalidArgument(
        `select takes paths of the data, such as "data.user.name"; ${JSON.stringify(path)} is none.`,
        { path: 'select' },
      );
    tree = add(tree, keys);
  }
  return (data) => (ArrayBuffer.isView(data) ? data : project(data, tree));
}
