import type { Metric } from '@storage/core';

/** The score of `b` for the query `a`, as `Metric` defines it, in double precision. */
export function scoreOf(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let normA = 0;
  let normB = 0;
  let distance = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    dot += x * y;
    normA += x * x;
    normB += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric === 'dot_product') return dot;
  return metric === 'euclidean' ? -Math.sqrt(distance) : dot / (Math.sqrt(normA) * Math.sqrt(normB));
}
