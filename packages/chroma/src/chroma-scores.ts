import type { Metric } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';

/** What Chroma calls a distance, as a score. Rounding leaves its distances a little below 0 and over 2. */
export function scoreOfDistance(metric: Metric, distance: number): number {
  if (metric === 'dot_product') return 1 - distance;
  if (metric === 'cosine') return Math.max(-1, Math.min(1, 1 - distance));
  return -Math.sqrt(Math.max(0, distance));
}

/** How close two vectors are, reckoned here. */
export function scoreOf(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squares = 0;
  let ofA = 0;
  let ofB = 0;
  for (let index = 0; index < a.length; index++) {
    const x = a[index] ?? 0;
    const y = b[index] ?? 0;
    dot += x * y;
    squares += (x - y) * (x - y);
    ofA += x * x;
    ofB += y * y;
  }
  if (metric === 'dot_product') return dot;
  if (metric === 'euclidean') return -Math.sqrt(squares);
  return ofA === 0 || ofB === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(ofA * ofB)));
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
