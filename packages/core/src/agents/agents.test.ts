import { describe, expect, test } from '@jest/globals';
import { stubBackend } from '../../test/stub-backend.ts';
import { createRegistry, DataManager, StorageError } from '../index.ts';
import { queryAll, searchAll } from './across.ts';
import { block, forAgent, grant, isAllowed, revoke, unblock } from './permissions.ts';
import { placementOf, smartStore } from './placement.ts';
import { trackUsage } from './usage.ts';

const manager = (): DataManager => new DataManager({ registry: createRegistry(), env: {} });
const down = stubBackend({
  before: () => {
    throw new StorageError({ code: 'unavailable', message: 'down' });
  },
});

describe('permissions', () => {
  test('no grants at all is everyone; the first grant closes the provider to the others', () => {
    const dm = manager();
    expect(isAllowed(dm, 'sql', 'ann')).toBe(true);
    grant(dm, 'sql', 'ann');
    expect([isAllowed(dm, 'sql', 'ann'), isAllowed(dm, 'sql', 'bob')]).toEqual([true, false]);
    grant(dm, 'sql', '*');
    expect(isAllowed(dm, 'sql', 'bob')).toBe(true);
    revoke(dm, 'sql', '*');
    expect(isAllowed(dm, 'sql', 'bob')).toBe(false);
    revoke(dm, 'sql', 'ann');
    expect(isAllowed(dm, 'sql', 'bob')).toBe(true);
    expect(isAllowed(manager(), 'sql', 'bob')).toBe(true);
  });

  test('a block wins over every grant', () => {
    const dm = manager();
    grant(dm, 'sql', 'ann');
    grant(dm, 'sql', '*');
    block(dm, 'sql', 'ann');
    expect([isAllowed(dm, 'sql', 'ann'), isAllowed(dm, 'sql', 'bob')]).toEqual([false, true]);
    block(dm, 'sql', '*');
    expect(isAllowed(dm, 'sql', 'bob')).toBe(false);
    unblock(dm, 'sql', '*');
    unblock(dm, 'sql', 'ann');
    expect(isAllowed(dm, 'sql', 'ann')).toBe(true);
  });

  test('forAgent refuses before any I/O, by alias and by reference too, and asks anew on each call', async () => {
    const backend = stubBackend();
    const dm = manager().registerProvider('postgresql', backend);
    const ref = await dm.store('postgresql', 1);
    const ann = forAgent(dm, 'ann');
    expect(await ann.retrieve(ref)).toBe(1);
    block(dm, 'postgres', 'ann');
    const before = backend.calls.length;
    const denied = {
      code: 'permission_denied',
      message: "agent 'ann' may not use provider 'postgresql'; grant it first.",
      details: { provider: 'postgresql' },
    };
    await expect(ann.retrieve(ref)).rejects.toMatchObject(denied);
    await expect(ann.store('postgresql', 2)).rejects.toMatchObject({ ...denied, operation: 'store' });
    await expect(ann.store('pg', 2)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(backend.calls).toHaveLength(before);
    unblock(dm, 'postgresql', 'ann');
    expect(await ann.retrieve(ref)).toBe(1);
  });
});

describe('placement', () => {
  const bytes = new Uint8Array(1);
  test.each([
    [[0.1, 0.2], 'vector'],
    [Float32Array.of(1, 2), 'vector'],
    [{ text: 'x', vector: [1, 2] }, 'vector'],
    [{ vector: Float64Array.of(1, 2) }, 'vector'],
    [{ vector: 'no' }, 'relational'],
    [[1], 'relational'],
    [[1, 'a'], 'relational'],
    [{ a: 1 }, 'relational'],
    [null, 'key_value'],
    ['text', 'key_value'],
    [5, 'key_value'],
    [true, 'key_value'],
    [new Date(0), 'key_value'],
    [bytes, 'object'],
    [
      (async function* () {
        yield bytes;
      })(),
      'object',
    ],
    [{ long: 'é'.repeat(600_000) }, 'object'],
    ['x'.repeat(1024 ** 2), 'object'],
  ])('of %p', (data, kind) => {
    expect(placementOf(data)).toBe(kind);
  });

  test('largeBytes says what is large', () => {
    expect(placementOf({ a: 'é' }, { largeBytes: 10 })).toBe('object');
    expect(placementOf({ a: 'é' }, { largeBytes: 11 })).toBe('relational');
  });

  test('what can not be stored is refused', () => {
    expect(() => placementOf({ a: 1n })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  test('smartStore takes the first registered provider of the best kind', async () => {
    const dm = manager()
      .registerProvider('cache', stubBackend({ name: 'redis' }))
      .registerProvider('sql', stubBackend({ name: 'sqlite' }))
      .registerProvider('sql2', stubBackend({ name: 'postgres' }))
      .registerProvider('vectors', stubBackend({ name: 'qdrant', facets: 'vectors' }));
    const where = async (data: Parameters<typeof smartStore>[1]) => (await smartStore(dm, data)).storageType;
    expect(await where({ a: 1 })).toBe('sql');
    expect(await where(5)).toBe('cache');
    const ref = await smartStore(dm, [1, 2], { key: 'v', metadata: { m: 1 } });
    expect(ref).toMatchObject({ storageType: 'vectors', key: 'v', metadata: { m: 1 } });
    expect(await dm.retrieve(ref)).toEqual({ vector: [1, 2] });
  });

  test('without a fitting provider it says which kinds would do', async () => {
    const dm = manager().registerProvider('sql', stubBackend({ name: 'sqlite' }));
    await expect(smartStore(dm, [1, 2])).rejects.toMatchObject({
      code: 'not_registered',
      message: 'no provider for vector data; register one of kind vector, search.',
      details: { kind: 'vector', registered: ['sql'] },
    });
  });
});

describe('across providers', () => {
  const setUp = async () => {
    const dm = manager().registerProvider('down', down);
    for (const [name, x] of [
      ['one', 1],
      ['two', 3],
    ] as const) {
      dm.registerProvider(name, stubBackend({ facets: 'vectors' }));
      await dm.store(name, { vector: [x], n: x });
      await dm.store(name, { vector: [x + 1], n: x + 1 }, { metadata: { odd: false } });
    }
    return dm;
  };
  const numbers = (results: readonly (readonly [{ n: number }, ...unknown[]])[]) => results.map(([{ n }]) => n);

  test('searchAll answers the closest of all, best first', async () => {
    const dm = await setUp();
    const all = await searchAll<{ n: number }>(dm, ['one', 'two'], [1], { limit: 3 });
    expect(numbers(all.results)).toEqual([4, 3, 2]);
    expect(all.results[0]?.[2].storageType).toBe('two');
    expect(all.failures).toEqual([]);
    const some = await searchAll<{ n: number }>(dm, ['one', 'two'], [1], { filter: { 'metadata.odd': false } });
    expect(numbers(some.results)).toEqual([4, 2]);
  });

  test('a provider that failed is told; all that failed is an error', async () => {
    const dm = await setUp();
    const { results, failures } = await queryAll<{ n: number }>(dm, ['two', 'down', 'one'], {}, { limit: 1 });
    expect(results.map(({ n }) => n)).toEqual([3, 1]);
    expect(failures.map(({ provider, error }) => [provider, error.code])).toEqual([['down', 'unavailable']]);
    await expect(searchAll(dm, ['down', 'none'], [1])).rejects.toMatchObject({ code: 'unavailable' });
    expect(await queryAll(dm, [], {})).toEqual({ results: [], failures: [] });
  });
});

test('usage counts calls, errors and time by provider and operation until it is stopped', async () => {
  const dm = manager().registerProvider(
    'sql',
    stubBackend({
      before: (operation) => {
        if (operation === 'delete') throw new StorageError({ code: 'timeout', message: 'late' });
      },
    }),
  );
  const tracker = trackUsage(dm);
  const ref = await forAgent(dm, 'ann').store('sql', 1);
  await dm.retrieve(ref);
  await dm.retrieve(ref);
  await expect(dm.delete(ref)).rejects.toThrow('late');
  tracker.stop();
  await dm.retrieve(ref);
  const usage = tracker.usage();
  expect(usage).toMatchObject({
    sql: {
      calls: 4,
      errors: 1,
      operations: { store: { calls: 1, errors: 0 }, retrieve: { calls: 2 }, delete: { calls: 1, errors: 1 } },
    },
  });
  expect(usage['sql']?.totalMs).toBeGreaterThanOrEqual(0);
});
