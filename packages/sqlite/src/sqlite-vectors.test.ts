import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Metric } from '@storage/core';
import { createSqlite, type SqliteBackend } from './sqlite-backend.ts';

const metrics: readonly Metric[] = ['cosine', 'dot_product', 'euclidean'];

function scoreOf(metric: Metric, a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  const norm = (vector: readonly number[]): number => Math.hypot(...vector);
  if (metric === 'dot_product') return dot;
  if (metric === 'cosine') return dot / norm(a) / norm(b);
  return -Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
}

describe('searches', () => {
  let store: SqliteBackend;
  beforeEach(async () => {
    store = createSqlite({ path: ':memory:' });
    await store.open();
  });
  afterEach(() => store.close());

  // Squares of the smallest are lost in 32-bit floats.
  const scales = [1, 1000, 1e-17, 1e17];

  test.each(metrics)('%s: the database and memory answer alike, whatever the size of the numbers', async (metric) => {
    await store.vectors.createCollection('c', { dimension: 5, metric });
    const collection = store.vectors.collection('c');
    const documents = Array.from({ length: 60 }, (_, i) => ({
      id: `d${String(i).padStart(2, '0')}`,
      vector: [...Float32Array.from({ length: 5 }, (_value, j) => Math.sin(i * 7 + j * 3) * (scales[i % 4] ?? 1))],
    }));
    await collection.upsert(documents);
    for (const scale of scales) {
      const vector = [...Float32Array.from([0.3, -1, 0.5, 2, 0.1], (value) => value * scale)];
      const first = await collection.search({ vector, limit: 60 });
      const second = await collection.search({ vector, limit: 60 });
      const third = await collection.search({ vector, limit: 60 });
      for (const found of [first, second, third]) {
        expect(found).toHaveLength(60);
        for (const { document, score } of found) {
          const stored = documents.find(({ id }) => id === document.id)?.vector ?? [];
          const expected = scoreOf(metric, stored, vector);
          const size =
            metric === 'dot_product'
              ? Math.hypot(...stored) * Math.hypot(...vector)
              : Math.hypot(...stored) + Math.hypot(...vector);
          expect(Math.abs(score - expected)).toBeLessThanOrEqual(1e-4 * (metric === 'cosine' ? 1 : Math.max(1, size)));
        }
      }
      expect(third).toEqual(second);
    }
  });

  test('a filter leaves the same documents in the database and in memory', async () => {
    await store.vectors.createCollection('c', { dimension: 2 });
    const collection = store.vectors.collection('c');
    const documents = Array.from({ length: 40 }, (_, i) => ({
      // Emoji sort before U+FFFD by UTF-16, behind it by code point.
      id: `${i % 2 === 0 ? '\u{1f600}' : '\u{fffd}'}${i}`,
      vector: [Math.cos(i), Math.sin(i)],
      metadata: { third: i % 3 },
    }));
    await collection.upsert(documents);
    const expected = documents
      .filter(({ metadata }) => metadata.third === 1)
      .sort((a, b) => (b.vector[0] ?? 0) - (a.vector[0] ?? 0))
      .map(({ id }) => id);
    const ids = async (third: number): Promise<readonly string[]> =>
      (await collection.search({ vector: [1, 0], limit: 40, filter: { third } })).map(({ document }) => document.id);
    for (let i = 0; i < 3; i++) {
      expect(await ids(1)).toEqual(expected);
      expect(await ids(5)).toEqual([]);
    }
    await collection.upsert([{ id: 'new', vector: [1, 0], metadata: { third: 1 } }]);
    for (let i = 0; i < 3; i++) expect(await ids(1)).toEqual(['new', ...expected]);
  });

  test('a search sees what was written since the last one', async () => {
    await store.vectors.createCollection('c', { dimension: 2 });
    const collection = store.vectors.collection('c');
    await collection.upsert([
      { id: 'b', vector: [1, 0] },
      { id: 'a', vector: [2, 0] },
      { id: 'c', vector: [0, 1] },
    ]);
    const ids = async (): Promise<readonly string[]> =>
      (await collection.search({ vector: [1, 0] })).map(({ document }) => document.id);
    for (let i = 0; i < 3; i++) expect(await ids()).toEqual(['a', 'b', 'c']);
    await collection.upsert([{ id: 'aa', vector: [3, 0] }]);
    for (let i = 0; i < 3; i++) expect(await ids()).toEqual(['a', 'aa', 'b', 'c']);
    await collection.delete(['a']);
    for (let i = 0; i < 3; i++) expect(await ids()).toEqual(['aa', 'b', 'c']);
    await store.vectors.deleteCollection('c');
    await store.vectors.createCollection('c', { dimension: 2 });
    expect(await ids()).toEqual([]);
  });
});
