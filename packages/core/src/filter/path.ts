import { invalidArgument } from '../errors.ts';
import type { FieldOperators, WhereFilter } from './types.ts';

/**
 * The keys of a dotted path. `\.` is a dot, `\\` a backslash and `\$` a dollar within a key; any other backslash is
 * `invalid_argument`. An empty segment is the key `''`: the path `''` is that key alone, `a..b` has it in the middle.
 */
export function splitPath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.');
  const keys = [''];
  // Token by token: an escape, a dot, or a run of anything else.
  for (const [token] of path.matchAll(/\\.?|\.|[^\\.]+/gs)) {
    if (token === '.') keys.push('');
    else if (!token.startsWith('\\')) keys[keys.length - 1] += token;
    else if (/^.[.\\$]$/.test(token)) keys[keys.length - 1] += token.charAt(1);
    else
      throw invalidArgument(
        `Path ${JSON.stringify(path.slice(0, 200))}: write \\\\ for a backslash, \\. for a dot within a key`,
        { path },
      );
  }
  return keys;
}

/** The path of a list of keys, escaped: `splitPath` gives the keys back. An empty list is `invalid_argument`. */
export function joinPath(keys: readonly string[]): string {
  if (keys.length === 0) throw invalidArgument('A path needs at least one key');
  // A `$` at the very start would be read as an operator.
  return keys
    .map((key) => key.replace(/[\\.]/g, '\\$&'))
    .join('.')
    .replace(/^\$/, '\\$');
}

/** A filter on the path of these keys, whatever characters they have: `where(['a.b', 'c'], { $eq: 1 })`. */
export function where(path: readonly string[], operators: FieldOperators): WhereFilter {
  return { [joinPath(path)]: operators };
}
