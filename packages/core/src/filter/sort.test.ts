import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { compareCodePoints, compareSortValues, sortKeyOf } from './sort.ts';

const utf8 = new TextEncoder();

function compareBytes(a: string, b: string): number {
  const left = utf8.encode(a);
  const right = utf8.encode(b);
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

describe('compareCodePoints', () => {
  test.each([
    ['', '', 0],
    ['a', 'b', -1],
    ['a', 'aa', -1],
    ['Z', 'a', -1],
    ['｡', '😀', -1],
    ['ﬀ', '😀', -1],
    ['\ud7ff', '\ue000', -1],
    ['\uffff', '\u{10000}', -1],
    ['😀', '😁', -1],
    ['x😀', 'x', 1],
  ])('%j and %j', (a, b, sign) => {
    expect(Math.sign(compareCodePoints(a, b))).toBe(sign);
    expect(Math.sign(compareCodePoints(b, a))).toBe(0 - sign);
  });

  test('is the order of UTF-8 bytes', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('a', 'é', '｡', '😀', '\ue000'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, text, (a, b) => Math.sign(compareCodePoints(a, b)) === Math.sign(compareBytes(a, b))),
      { numRuns: 1000 },
    );
  });
});

describe('compareSortValues', () => {
  const ascending = [false, true, -1.5, 0, 2, 1e21, '', '10', '9', 'a', '｡', '😀'];
  const missing = [
    undefined,
    null,
    [],
    [1],
    {},
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new Uint8Array(1),
    new Date(Number.NaN),
  ];

  test('booleans, numbers, strings, and the rest last in both directions', () => {
    const shuffled = [...missing, ...ascending.toReversed()];
    expect(shuffled.toSorted((a, b) => compareSortValues(a, b)).slice(0, ascending.length)).toEqual(ascending);
    expect(shuffled.toSorted((a, b) => compareSortValues(a, b, 'desc')).slice(0, ascending.length)).toEqual(
      ascending.toReversed(),
    );
  });

  test('ties', () => {
    for (const direction of ['asc', 'desc'] as const) {
      expect(compareSortValues(null, [1], direction)).toBe(0);
      expect(compareSortValues(-0, 0, direction)).toBe(0);
      expect(compareSortValues('a', 'a', direction)).toBe(0);
    }
  });

  test('a Date is its text', () => {
    expect(sortKeyOf(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
    expect(compareSortValues(new Date(0), '1970')).toBeGreaterThan(0);
  });
});
