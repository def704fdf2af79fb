import { invalidArgument } from '@storage/core';
import { recordRoots, splitPath } from '@storage/core/filter';

/** An option that is one of a few words. */
export function checkOneOf<T extends string>(value: unknown, allowed: readonly T[], name: string): T {
  if (!allowed.includes(value as T)) throw invalidArgument(`${name} is one of ${allowed.join(', ')}.`, { path: name });
  return value as T;
}

/** An option that is a number within bounds, both included. */
export function checkNumber(value: unknown, from: number, to: number, name: string): number {
  if (typeof value !== 'number' || !(value >= from && value <= to)) {
    throw invalidArgument(`${name} is a number from ${from} to ${to}.`, { path: name });
  }
  return value;
}

/** A path that is declared, so that filters on it are served by an index. */
export interface DeclaredField {
  /** As it stands in filters: `data.user.age`. */
  readonly name: string;
  readonly path: readonly string[];
}

function toField(name: unknown, index: number): DeclaredField {
  const at = `fields[${index}]`;
  if (typeof name !== 'string') throw invalidArgument(`${at} is a path, as it stands in a filter.`, { path: at });
  const path = splitPath(name);
  if (!recordRoots.includes(path[0] ?? '')) {
    throw invalidArgument(`${at} starts with ${recordRoots.join(', ')}; ${JSON.stringify(name)} does not.`, {
      path: at,
    });
  }
  return { name, path };
}

/** The option `fields`: paths of records. */
export function checkFields(fields: unknown): readonly DeclaredField[] {
  if (!Array.isArray(fields)) throw invalidArgument('fields is a list of paths.', { path: 'fields' });
  return (fields as readonly unknown[]).map(toField);
}
