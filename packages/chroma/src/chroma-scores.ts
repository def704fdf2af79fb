import { scoreOf } from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';

/** What Chroma calls a distance, as a score. Rounding leaves its distances a little below 0 and over 2. */
export function scoreOfDistance(metric: Metric, distance: number): number {
  if (metric === 'dot_product') return 1 - distance;
  if (metric === 'cosine') return Math.max(-1, Math.min(1, 1 - distance));
  return -Math.sqrt(Math.max(0, distance));
}

/** How close two vectors are, reckoned here. Zeros, which only others store under cosine, are close to nothing. */
export function scoreOfVectors(metric: Metric, a: Float32Array, b: Float32Array): number {
  const score = scoreOf(metric, a, b);
  if (Number.isNaN(score)) return 0;
  return metric === 'cosine' ? Math.max(-1, Math.min(1, score)) : score;
}

export interface Scored {
  readonly id: string;
  readonly score: number;
}

/** Best first, ties by id. */
export function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || compareCodePoints(a.id, b.id);
}

/** Keeps the best of what it is given. */
export class Best {
  readonly #limit: number;
  #kept: Scored[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(scored: readonly Scored[]): void {
    this.#kept = [...this.#kept, ...scored].sort(byScore).slice(0, this.#limit);
  }

  get kept(): readonly Scored[] {
    return this.#kept;
  }
}
