import { beforeEach, expect, it, jest } from '@jest/globals';
import type { Outcome } from '../call.ts';
import { StorageError } from '../errors.ts';
import type { RecordInfo, StoredRecord, StoreItem } from '../records.ts';
import type { Embedder } from '../vectors.ts';
import { cachedEmbedder } from './index.ts';

const down = new StorageError({ code: 'unavailable', message: 'down' });
let stored: Map<string, StoreItem>;
let cache: Parameters<typeof cachedEmbedder>[1];
let asked: string[][];
let embed: Embedder;

beforeEach(() => {
  stored = new Map();
  asked = [];
  cache = {
    retrieveMany: async <T>(keys: Iterable<string>) =>
      [...keys].map((key) => stored.get(key) as unknown as StoredRecord<T> | undefined),
    storeMany: async (items) => {
      for (const item of items) stored.set(item.key, item);
      return [];
    },
  };
  embed = Object.assign(
    async (texts: readonly string[]) => {
      asked.push([...texts]);
      return texts.map((text) => Float32Array.of(text.length, 1));
    },
    { model: 'lengths', dimension: 2 },
  );
});

it('embeds each text once, and keeps its vector under a hash', async () => {
  const cached = cachedEmbedder(embed, cache, { ttlMs: 5000 });
  expect([cached.model, cached.dimension]).toEqual(['lengths', 2]);
  expect((await cached(['a', 'bb', 'a'])).map((vector) => vector[0])).toEqual([1, 2, 1]);
  expect((await cached(['bb', 'ccc'])).map((vector) => vector[0])).toEqual([2, 3]);
  expect(asked).toEqual([['a', 'bb'], ['ccc']]);
  expect([...stored.keys()].every((key) => /^[0-9a-f]{64}$/.test(key))).toBe(true);
  expect([...stored.values()]).toContainEqual({ key: expect.any(String), data: [3, 1], ttlMs: 5000 });
});

it('does not take the vectors of another model, nor what is no vector', async () => {
  await cachedEmbedder(embed, cache)(['a']);
  await cachedEmbedder(Object.assign(embed.bind(undefined), { model: 'other' }), cache)(['a']);
  expect(asked).toEqual([['a'], ['a']]);
  for (const [key, item] of stored) stored.set(key, { ...item, data: [1, 2, 3] });
  await cachedEmbedder(embed, cache)(['a']);
  expect(asked).toHaveLength(3);
});

it('embeds where the cache is down, and tells', async () => {
  const told = jest.fn();
  const broken: typeof cache = {
    retrieveMany: () => Promise.reject(down),
    storeMany: async (items) => [...items].map((): Outcome<RecordInfo> => ({ ok: false, error: down })),
  };
  const cached = cachedEmbedder(embed, broken, { onError: told });
  expect((await cached(['a'])).map((vector) => vector[0])).toEqual([1]);
  expect(told.mock.calls).toEqual([[down], [down]]);
  await expect(cached(['a'], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});

it('needs the name of the model, and an answer for each text', async () => {
  expect(() => cachedEmbedder(async () => [], cache)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  const short = Object.assign(async () => [], { model: 'm' });
  await expect(cachedEmbedder(short, cache)(['a'])).rejects.toMatchObject({ code: 'invalid_state' });
  expect(stored.size).toBe(0);
});
