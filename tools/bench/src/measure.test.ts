import { describe, expect, test } from '@jest/globals';
import { type Clock, measure, median, type Side } from './measure.ts';

/** A side whose operations take so many milliseconds by the returned clock, and a diary of what was run. */
function fakeSides(rawMs: (turn: number) => number, oursMs: (turn: number) => number) {
  let now = 0;
  const diary: { readonly side: string; readonly from: number; readonly count: number }[] = [];
  const turns = { raw: 0, ours: 0 };
  const side = (name: 'raw' | 'ours', ms: (turn: number) => number): Side => ({
    prepare: () => {
      // Preparation must not count.
      now += 1_000_000;
    },
    run(from, count) {
      diary.push({ side: name, from, count });
      now += count * ms(turns[name]++);
    },
  });
  const clock: Clock = () => now;
  return { sides: { raw: side('raw', rawMs), ours: side('ours', oursMs) }, clock, diary };
}

describe('median', () => {
  test.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow('no median');
  });
});

describe('measure', () => {
  test('answers rates and their ratio', async () => {
    const { sides, clock } = fakeSides(
      () => 1,
      () => 2,
    );
    expect(await measure(sides, { rounds: 3, roundMs: 100, step: 1 }, clock)).toEqual({
      rawOpsPerSec: 1000,
      opsPerSec: 500,
      ratio: 0.5,
    });
  });

  test('is not moved by a round that went astray', async () => {
    const { sides, clock } = fakeSides(
      () => 1,
      (turn) => (turn % 5 === 0 ? 50 : 1),
    );
    const { ratio } = await measure(sides, { rounds: 9, roundMs: 100, step: 1 }, clock);
    expect(ratio).toBe(1);
  });

  test('gives both sides the same operations, in turns, the first one alternating', async () => {
    const { sides, clock, diary } = fakeSides(
      () => 1,
      () => 1,
    );
    await measure(sides, { rounds: 4, roundMs: 64, step: 16 }, clock);
    const measured = diary.slice(-8);
    expect(measured.map(({ side }) => side)).toEqual(['raw', 'ours', 'ours', 'raw', 'raw', 'ours', 'ours', 'raw']);
    for (let at = 0; at < diary.length; at += 2) {
      const [first, second] = diary.slice(at, at + 2);
      expect({ ...first, side: '' }).toEqual({ ...second, side: '' });
      expect((first?.count ?? 0) % 16).toBe(0);
    }
    const froms = diary.filter(({ side }) => side === 'raw').map(({ from }) => from);
    expect(new Set(froms).size).toBe(froms.length);
  });

  test('fills a round with as many operations as the slower side has time for', async () => {
    const { sides, clock, diary } = fakeSides(
      () => 0.01,
      () => 0.1,
    );
    await measure(sides, { rounds: 1, roundMs: 100, step: 1 }, clock);
    expect(diary.at(-1)?.count).toBe(1000);
  });

  test('hands on what a side fails with', async () => {
    const sides = {
      raw: { run: () => undefined },
      ours: { run: () => Promise.reject(new Error('the disk is full')) },
    };
    await expect(measure(sides, { rounds: 1, roundMs: 1, step: 1 })).rejects.toThrow('the disk is full');
  });
});
