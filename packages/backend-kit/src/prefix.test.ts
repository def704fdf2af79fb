import { describe, expect, test } from '@jest/globals';
import { prefixEnd } from './prefix.ts';

describe('the end of a prefix', () => {
  test.each([
    ['a', 'b'],
    ['a\u{10ffff}', 'b'],
    ['\ud7ff', '\ue000'],
    ['😀', '😁'],
  ])('%j ends before %j', (prefix, end) => expect(prefixEnd(prefix)).toBe(end));

  test('nothing is behind the last character', () => {
    expect(prefixEnd('\u{10ffff}')).toBeUndefined();
    expect(prefixEnd('')).toBeUndefined();
  });
});
