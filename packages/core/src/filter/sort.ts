/**
 * Order by Unicode code point, which is the order of UTF-8 bytes; JavaScript's `<` goes by UTF-16 units and puts
 * 😀 before ｡. Negative, 0 or positive, as for `Array.sort`.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** What a value is compared by; `undefined`: it counts as missing. */
export type SortKey = boolean | number | string | undefined;

/** A boolean, a finite number, a string, or a `Date` as its ISO text. Everything else counts as missing. */
export function sortKeyOf(value: unknown): SortKey {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value !== 'object' || Object.prototype.toString.call(value) !== '[object Date]') return undefined;
  const date = value as Date;
  return Number.isFinite(date.getTime()) ? date.toISOString() : undefined;
}

const types: readonly string[] = ['boolean', 'number', 'string'];

/**
 * Booleans before numbers before strings, false before true, strings by code point; `desc` turns that round. What is
 * neither is missing and comes last in both directions. 0 is a tie, to be broken by key.
 */
export function compareSortValues(a: unknown, b: unknown, direction: 'asc' | 'desc' = 'asc'): number {
  const left = sortKeyOf(a);
  const right = sortKeyOf(b);
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  let order: number;
  if (typeof left !== typeof right) order = types.indexOf(typeof left) - types.indexOf(typeof right);
  else if (typeof left === 'string') order = compareCodePoints(left, right as string);
  else order = Number(left) - Number(right);
  return (direction === 'asc' ? order : -order) || 0; // −0 is no answer
}
