import { compareCodePoints } from './evaluate.ts';

/** What a value is sorted by; `undefined`: as if it were missing. */
export type SortKey = boolean | number | string | undefined;

/** A boolean, a finite number, a string, or a `Date` as its ISO text. Everything else counts as missing. */
export function sortKeyOf(value: unknown): SortKey {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (Object.prototype.toString.call(value) !== '[object Date]') return undefined;
  const date = value as Date;
  return Number.isFinite(date.getTime()) ? date.toISOString() : undefined;
}

const ranks: { readonly [type: string]: number } = { boolean: 0, number: 1, string: 2 };

/**
 * Booleans before numbers before strings, false before true, strings by code point; `desc` turns that round. What is
 * neither is missing and comes last in both directions. 0 is a tie, to be broken by key.
 */
export function compareSortValues(a: unknown, b: unknown, direction: 'asc' | 'desc' = 'asc'): number {
  const left = sortKeyOf(a);
  const right = sortKeyOf(b);
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  const order =
    typeof left === 'string' && typeof right === 'string'
      ? compareCodePoints(left, right)
      : typeof left === typeof right
        ? Number(left) - Number(right)
        : (ranks[typeof left] ?? 0) - (ranks[typeof right] ?? 0);
  return direction === 'asc' ? order : -order;
}
