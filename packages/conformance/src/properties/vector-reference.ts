import type { Metric } from '@storage/core';

/** Pseudo-random numbers from −1 to 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** A random vector as a store keeps it: 32-bit floats. */
export function randomVector(next: () => number, dimension: number): number[] {
  return [...Float32Array.from({ length: dimension }, next)];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));

/** The score as the contract defines it. */
export function referenceScore(metric: Metric, a: readonly number[], b: readonly number[]): number {
  if (metric === 'dot_product') return dot(a, b);
  if (metric === 'cosine') return dot(a, b) / (norm(a) * norm(b));
  return -norm(a.map((value, index) => value - (b[index] ?? 0)));
}

/** How far a score may be off. */
export function tolerance(metric: Metric, a: readonly number[], b: readonly number[]): number {
  if (metric === 'cosine') return 1e-4;
  return 1e-4 * Math.max(1, metric === 'dot_product' ? norm(a) * norm(b) : norm(a) + norm(b));
}
