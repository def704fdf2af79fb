import { compareCodePoints, type FilterLeaf } from '@storage/core/filter';
import { prefixEnd } from './prefix.ts';

// A time is kept as milliseconds and filtered as its ISO text. Within the years 0 to 9999 that text sorts as the
// number does, so every condition on the text is one range of numbers, and an index on the number serves it.
const first = Date.parse('0000-01-01T00:00:00.000Z');
const last = Date.parse('9999-12-31T23:59:59.999Z');

/** Milliseconds from and to, both included; `undefined`: no time matches. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** The first time whose ISO text is at or behind `text`, or, when `strict`, behind it. */
function lowerBound(text: string, strict: boolean): number {
  let low = first;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const order = compareCodePoints(new Date(middle).toISOString(), text);
    if (order > 0 || (order === 0 && !strict)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function range(from: number, to: number): TimeRange | undefined {
  return from > to ? undefined : { from, to };
}

/** The times that a condition on their ISO text allows, as ranges that do not overlap. */
export function timeRanges(leaf: FilterLeaf): readonly TimeRange[] {
  const found = leaf.op === 'in' ? leaf.value.map((value) => equal(value)) : [single(leaf)];
  return found.filter((item) => item !== undefined);
}

function equal(value: unknown): TimeRange | undefined {
  if (typeof value !== 'string') return undefined;
  return range(lowerBound(value, false), lowerBound(value, true) - 1);
}

function single(leaf: Exclude<FilterLeaf, { op: 'in' }>): TimeRange | undefined {
  if (leaf.op === 'exists') return range(first, last);
  const { value } = leaf;
  if (typeof value !== 'string') return undefined;
  switch (leaf.op) {
    case 'eq':
      return equal(value);
    case 'gt':
      return range(lowerBound(value, true), last);
    case 'gte':
      return range(lowerBound(value, false), last);
    case 'lt':
      return range(first, lowerBound(value, false) - 1);
    case 'lte':
      return range(first, lowerBound(value, true) - 1);
    case 'startsWith': {
      const end = prefixEnd(value);
      return range(lowerBound(value, false), end === undefined ? last : lowerBound(end, false) - 1);
    }
  }
}
