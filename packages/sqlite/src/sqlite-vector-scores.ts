import type { Metric } from '@storage/core';
import { fragment, type SqlFragment } from '@storage/sql';

/** Bytes of 32-bit floats as floats. A copy only where they are not aligned. */
export function toFloats(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset % 4 === 0) return new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
  return new Float32Array(bytes.slice().buffer);
}

export function toVectorBytes(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer as ArrayBuffer, vector.byteOffset, vector.byteLength);
}

/** a·b in doubles, `a` beginning at `start`. Four sums, because each addition waits for the one before. */
export function dotProduct(a: Float32Array, start: number, b: Float32Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const length = b.length;
  const even = length - (length % 4);
  let i = 0;
  for (; i < even; i += 4) {
    const j = start + i;
    s0 += (a[j] as number) * (b[i] as number);
    s1 += (a[j + 1] as number) * (b[i + 1] as number);
    s2 += (a[j + 2] as number) * (b[i + 2] as number);
    s3 += (a[j + 3] as number) * (b[i + 3] as number);
  }
  for (; i < length; i++) s0 += (a[start + i] as number) * (b[i] as number);
  return s0 + s1 + s2 + s3;
}

export function normOf(vector: Float32Array): number {
  return Math.sqrt(dotProduct(vector, 0, vector));
}

/** The score of a vector from its product with the query and both norms. */
export function scoreOf(metric: Metric, product: number, norm: number, queryNorm: number): number {
  if (metric === 'dot_product') return product;
  if (metric === 'cosine') return norm === 0 || queryNorm === 0 ? 0 : product / norm / queryNorm;
  return -Math.sqrt(Math.max(0, norm * norm + queryNorm * queryNorm - 2 * product));
}

// sqlite-vec sums in 32-bit floats. Within these norms no square is lost there, and none overflows.
const leastNorm = 1e-15;
const largestNorm = 1e18;

const fast: Readonly<Record<Metric, string>> = {
  cosine: '1 - vec_distance_cosine(vector, ?)',
  // sqlite-vec has no dot product: the cosine and both norms make it.
  dot_product: '(1 - vec_distance_cosine(vector, ?)) * norm * ?',
  euclidean: '-vec_distance_L2(vector, ?)',
};

/** The score of a row as SQL: by sqlite-vec, or for norms that its floats can't hold by our own function. */
export function scoreExpression(metric: Metric, vector: Float32Array): SqlFragment {
  const bytes = toVectorBytes(vector);
  const norm = normOf(vector);
  const own = fragment(`storage_score('${metric}', vector, norm, ?, ?)`, bytes, norm);
  if (norm < leastNorm || norm > largestNorm) return own;
  const quick = metric === 'dot_product' ? [bytes, norm] : [bytes];
  return fragment(
    `CASE WHEN norm BETWEEN ${leastNorm} AND ${largestNorm} THEN ${fast[metric]} ELSE ${own.text} END`,
    ...quick,
    ...own.params,
  );
}

/** What SQL calls as `storage_score`. */
export function storageScore(
  metric: Metric,
  row: Uint8Array,
  norm: number,
  query: Uint8Array,
  queryNorm: number,
): number {
  return scoreOf(metric, dotProduct(toFloats(row), 0, toFloats(query)), norm, queryNorm);
}

/** sqlite-vec's word for how far away it is; a dot product is none. */
export function distanceOf(metric: Metric, score: number): number | undefined {
  if (metric === 'cosine') return 1 - score;
  return metric === 'euclidean' ? -score : undefined;
}
