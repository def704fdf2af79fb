// The ratio of two ways to do the same work. Machines drift while they measure, so the two take turns within each round, the
// first one alternating too, and each figure is the median of its rounds.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One way to do a piece of work. */
export interface Side {
  /** Does the operations number `from` to `from + count - 1`. */
  run(from: number, count: number): void | Promise<void>;
  /** What those operations need before; not measured. */
  prepare?(from: number, count: number): void | Promise<void>;
}

/** Two ways to do the same work. */
export interface Sides {
  readonly raw: Side;
  readonly ours: Side;
}

export interface MeasureSettings {
  readonly rounds: number;
  /** How long one side's part of a round lasts, about. */
  readonly roundMs: number;
  /** Operations come in multiples of this. */
  readonly step: number;
}

export interface Measured {
  readonly rawOpsPerSec: number;
  readonly opsPerSec: number;
  /** `opsPerSec / rawOpsPerSec`. */
  readonly ratio: number;
}

/** The middle of the values; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)];
  if (upper === undefined) throw new Error('There is no median of nothing.');
  return Number.isInteger(half) ? ((sorted[half - 1] ?? upper) + upper) / 2 : upper;
}

/** The clock, in milliseconds; another one in tests. */
export type Clock = () => number;

const collectGarbage = ((): ((options: { readonly type: 'minor' }) => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
})();

/** Takes turns, and answers what both sides reach. */
export async function measure(
  sides: Sides,
  settings: MeasureSettings,
  clock: Clock = () => performance.now(),
): Promise<Measured> {
  const { rounds, roundMs, step } = settings;
  let next = 0;

  async function time(side: Side, from: number, count: number): Promise<number> {
    await side.prepare?.(from, count);
    // A side does not pay for what the other one left behind. A whole collection would also take optimised code with it.
    collectGarbage({ type: 'minor' });
    const start = clock();
    await side.run(from, count);
    return clock() - start;
  }

  async function round(count: number, rawFirst: boolean): Promise<{ readonly raw: number; readonly ours: number }> {
    const from = next;
    next += count;
    const first = await time(rawFirst ? sides.raw : sides.ours, from, count);
    const second = await time(rawFirst ? sides.ours : sides.raw, from, count);
    return rawFirst ? { raw: first, ours: second } : { raw: second, ours: first };
  }

  // The warm-up also finds out how many operations fill a round of the slower side.
  let count = step;
  for (let turns = 0; turns < 40; turns++) {
    const { raw, ours } = await round(count, turns % 2 === 0);
    // A clock that did not move must not make the count infinite.
    const slower = Math.max(raw, ours, 0.001);
    if (slower >= roundMs / 2) {
      count = Math.max(1, Math.round((count * roundMs) / slower / step)) * step;
      break;
    }
    count *= slower < roundMs / 16 ? 4 : 2;
  }
  await round(count, true);

  const raw: number[] = [];
  const ours: number[] = [];
  for (let turn = 0; turn < rounds; turn++) {
    const took = await round(count, turn % 2 === 0);
    raw.push((count * 1000) / took.raw);
    ours.push((count * 1000) / took.ours);
  }
  const rawOpsPerSec = median(raw);
  const opsPerSec = median(ours);
  return { rawOpsPerSec, opsPerSec, ratio: opsPerSec / rawOpsPerSec };
}
