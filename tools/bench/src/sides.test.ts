import { expect, test } from '@jest/globals';
import { byCallers, inTurn } from './sides.ts';

test('operations in turn', () => {
  const seen: number[] = [];
  void inTurn((index) => seen.push(index)).run(5, 3);
  expect(seen).toEqual([5, 6, 7]);
});

test('as many callers at once as there are, each operation once', async () => {
  const seen: number[] = [];
  let running = 0;
  let most = 0;
  const side = byCallers(4, async (index) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(index);
    running--;
  });
  await side.run(10, 20);
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => 10 + index));
  expect(most).toBe(4);
});

test('a failed operation fails the side', async () => {
  const side = byCallers(2, () => Promise.reject(new Error('refused')));
  await expect(side.run(0, 4)).rejects.toThrow('refused');
});
