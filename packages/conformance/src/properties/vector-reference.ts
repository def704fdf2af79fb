import type { Metric, VectorMatch } from '@storage/core';
import { equal, fail, ok, within } from '../assert.ts';

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

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let place = 0; place < a.length; place++) sum += (a[place] ?? 0) * (b[place] ?? 0);
  return sum;
}
const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let place = 0; place < a.length; place++) squares += ((a[place] ?? 0) - (b[place] ?? 0)) ** 2;
  return Math.sqrt(squares);
}

/** The score as the contract defines it, by 64-bit floats. */
export function referenceScore(metric: Metric, a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (metric === 'dot_product') return dot(a, b);
  if (metric === 'cosine') return dot(a, b) / (norm(a) * norm(b));
  return -distance(a, b);
}

/** How far a score may be off. */
export function tolerance(metric: Metric, a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (metric === 'cosine') return 1e-4;
  return 1e-4 * Math.max(1, metric === 'dot_product' ? norm(a) * norm(b) : norm(a) + norm(b));
}

/** A document and how close it is to a query, by 64-bit floats. */
export interface Ranked {
  readonly id: string;
  readonly score: number;
  /** How far an engine's score may be off. */
  readonly slack: number;
}

/** Documents by how close they are, best first. */
export function rank(
  metric: Metric,
  query: ArrayLike<number>,
  documents: Iterable<{ readonly id: string; readonly vector: ArrayLike<number> }>,
): Ranked[] {
  return Array.from(documents, ({ id, vector }) => ({
    id,
    score: referenceScore(metric, query, vector),
    slack: tolerance(metric, query, vector),
  })).sort((a, b) => b.score - a.score);
}

/**
 * Fails unless the matches are as many as there can be, all of the documents in `ranked`, each with its own score, best first; with
 * `exact` also unless none that was left out is closer. Answers the share of the matches that are among the closest.
 */
export function checkMatches(
  matches: readonly VectorMatch<object>[],
  ranked: readonly Ranked[],
  { limit, exact, what }: { readonly limit: number; readonly exact: boolean; readonly what: string },
): number {
  const wanted = Math.min(limit, ranked.length);
  const byId = new Map(ranked.map((each) => [each.id, each]));
  const ids = matches.map(({ document }) => document.id);
  const strangers = ids.filter((id) => !byId.has(id)).slice(0, 3);
  equal(strangers, [], `${what}: matches that do not belong there`);
  equal(new Set(ids).size, ids.length, `${what}: how many different matches`);
  equal(matches.length, wanted, `${what}: how many matches`);
  let right = 0;
  let before = Number.POSITIVE_INFINITY;
  const last = ranked[wanted - 1];
  for (const [place, { document, score }] of matches.entries()) {
    const own = byId.get(document.id) ?? fail(`${what}: a match that does not belong there`);
    const best = ranked[place] ?? own;
    within(score, own.score - own.slack, own.score + own.slack, `${what}: score of ${own.id}`);
    ok(score <= before, `${what}: scores go down, and that of place ${place} goes up to ${score} from ${before}`);
    before = score;
    const apart = own.slack + best.slack;
    if (exact) within(own.score, best.score - apart, best.score + apart, `${what}: true score at place ${place}`);
    if (last === undefined || own.score >= last.score - own.slack - last.slack) right++;
  }
  return wanted === 0 ? 1 : right / wanted;
}
