import { describe, expect, it } from '@jest/globals';
import { type Harness, runVectorFuzz } from '@storage/conformance';
import type {
  Backend,
  SearchQuery,
  VectorCollection,
  VectorMatch,
  VectorReadOptions,
  VectorStore,
} from '@storage/core';

const { createMemory } = await import('@storage/memory');

type Search = (matches: readonly VectorMatch[], query: SearchQuery) => readonly VectorMatch[];

function withMember<T extends object>(target: T, name: keyof T, member: unknown): T {
  return new Proxy(target, {
    get: (object, asked) => {
      if (asked === name) return member;
      const value: unknown = Reflect.get(object, asked, object);
      return typeof value === 'function' ? (value.bind(object) as unknown) : value;
    },
  });
}

/** Memory, whose answers to searches are spoilt. */
function spoilt(spoil: Search): Harness {
  const create = (): Backend => {
    const backend = createMemory({});
    const vectors: VectorStore = withMember(backend.vectors, 'collection', (name: string) => {
      const collection = backend.vectors.collection(name);
      const search: VectorCollection['search'] = async (query: SearchQuery, options?: VectorReadOptions) =>
        spoil(await collection.search(query, options), query);
      return withMember(collection, 'search', search);
    });
    return withMember(backend, 'vectors', vectors);
  };
  return { name: 'spoilt', create, server: { name: 'memory', version: process.version, how: 'embedded' } };
}

describe('fuzz of vectors', () => {
  it('passes what is right', async () => {
    const report = await runVectorFuzz({ harness: spoilt((matches) => matches), count: 1000, seed: 1 });
    expect(report).toMatchObject({ count: 1000, seed: 1, demanded: 10 });
    expect(report.recall).toBeUndefined();
  }, 60_000);

  it.each<[string, Search, RegExp]>([
    [
      'a filter that loses a match',
      (matches, { filter }) => (JSON.stringify(filter).includes('$startsWith') ? matches.slice(1) : matches),
      /"\$startsWith".*: how many matches/,
    ],
    [
      'a short answer',
      (matches, { limit = 10 }) => (matches.length === limit ? matches.slice(0, -1) : matches),
      /how many/,
    ],
    [
      'a score of another metric',
      (matches) => matches.map((match) => ({ ...match, score: match.score * 0.99 - 0.01 })),
      /: score of d\d{4}/,
    ],
    ['an order that is turned round', (matches) => [...matches].reverse(), /true score at place 0/],
    [
      'a match that stands twice',
      (matches) => [...matches.slice(1), ...matches.slice(1, 2)],
      /how many different matches/,
    ],
  ])(
    'tells %s, shrunk, with the seed that repeats it',
    async (_name, spoil, message) => {
      const failed = await runVectorFuzz({ harness: spoilt(spoil), count: 500, seed: 1 }).catch(
        (error: Error) => error,
      );
      expect(String(failed)).toMatch(message);
      expect(String(failed)).toMatch(/shrunk \d+ times/);
      expect(String(failed)).toContain('STORAGE_FUZZ_SEED=1');
    },
    60_000,
  );
});
