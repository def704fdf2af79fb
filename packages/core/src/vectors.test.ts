import { expect, test } from '@jest/globals';
import { searchByText, type VectorCollection } from './vectors.ts';

test('searchByText searches for the embedder’s vector with the rest of the query', async () => {
  const seen: unknown[] = [];
  const collection = {
    search: async (...args: unknown[]) => {
      seen.push(...args);
      return [];
    },
  } as unknown as VectorCollection;
  const embed = async (texts: readonly string[], options?: object) => {
    seen.push(texts, options);
    return [Float32Array.of(1, 2)];
  };
  const options = { timeoutMs: 5 };
  expect(await searchByText(collection, 'hello', embed, { limit: 3 }, options)).toEqual([]);
  expect(seen).toEqual([['hello'], options, { limit: 3, vector: Float32Array.of(1, 2) }, options]);
});
