import { describe, expect, it } from '@jest/globals';
import { compareCodePoints } from '@storage/core/filter';
import { SortedKeys } from './sorted-keys.ts';

describe('SortedKeys', () => {
  it('is a sorted set under any adds and deletes, few or many', () => {
    const keys = new SortedKeys();
    const model = new Set<string>();
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let step = 0; step < 6000; step++) {
      const key = `${['k', '😀', '｡'][next(3)]}${next(2500)}`;
      if (next(4) > 0) {
        if (!model.has(key)) keys.add(key);
        model.add(key);
      } else {
        keys.delete(key);
        model.delete(key);
      }
      if (step % 500 === 0) expect(keys.all()).toEqual([...model].sort(compareCodePoints));
    }
    expect(keys.all()).toEqual([...model].sort(compareCodePoints));
    expect(keys.all()[keys.from('k')]?.startsWith('k')).toBe(true);
  });
});
