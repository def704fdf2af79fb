import { describe, expect, test } from '@jest/globals';
import { randomToken, uuidv7 } from './ids.ts';

describe('uuidv7', () => {
  test('has the version, the variant and the time', () => {
    const before = Date.now();
    const id = uuidv7();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = Number.parseInt(id.slice(0, 13).replace('-', ''), 16);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test('is unique and ordered by call, also within a millisecond', () => {
    const ids = Array.from({ length: 20_000 }, () => uuidv7());
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
  });

  test('stays ordered when the clock goes back', () => {
    const now = Date.now() + 60_000;
    const ids = [uuidv7(now), uuidv7(now - 5000), uuidv7(now + 1), uuidv7(now)];
    expect(ids.toSorted()).toEqual(ids);
  });
});

test('randomToken has 16 characters, each of 64, and does not repeat', () => {
  const tokens = Array.from({ length: 5000 }, randomToken);
  expect(new Set(tokens).size).toBe(tokens.length);
  expect(tokens.every((token) => /^[\w-]{16}$/.test(token))).toBe(true);
  expect(new Set(tokens.join('')).size).toBe(64);
});
