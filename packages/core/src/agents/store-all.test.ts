import { describe, expect, jest, test } from '@jest/globals';
import { type StubBackend, stubBackend } from '../../test/stub-backend.ts';
import { createRegistry, DataManager, StorageError as Failure, isStorageError, type StorageError } from '../index.ts';
import { type NotUndone, type StorePart, storeAll } from './store-all.ts';

const parts: StorePart[] = [
  { provider: 'sql', data: { n: 1 }, key: 'a' },
  { provider: 'cache', data: { n: 2 }, key: 'b' },
  { provider: 'files', data: { n: 3 }, key: 'c' },
];

function setUp(
  fail: (operation: string, key?: string) => void = () => undefined,
  failDelete: typeof fail = () => undefined,
) {
  const sql = stubBackend({ before: failDelete });
  const cache = stubBackend({ ttl: false });
  const files = stubBackend({ before: fail });
  const dm = new DataManager({ registry: createRegistry() })
    .registerProvider('sql', sql)
    .registerProvider('cache', cache)
    .registerProvider('files', files);
  return { dm, sql, cache, files };
}

async function failure(work: Promise<unknown>): Promise<StorageError> {
  try {
    await work;
  } catch (error) {
    if (isStorageError(error)) return error;
    throw error;
  }
  throw new Error('did not fail');
}

const failingStore = (operation: string): void => {
  if (operation === 'store') throw new Failure({ code: 'unavailable', message: 'The bucket is gone.', applied: 'no' });
};

test('answers the references in the order of the parts', async () => {
  const { dm } = setUp();
  const refs = await storeAll(dm, [...parts, { provider: 'sql', data: 4 }]);
  expect(refs.map(({ storageType, key }) => [storageType, key]).slice(0, 3)).toEqual([
    ['sql', 'a'],
    ['cache', 'b'],
    ['files', 'c'],
  ]);
  expect(await dm.retrieveMany(refs)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, 4]);
});

describe('when a part fails', () => {
  test('those before it are deleted, last first, and the error says which it was', async () => {
    const { dm, sql, cache } = setUp(failingStore);
    const error = await failure(storeAll(dm, parts));
    expect(error).toMatchObject({
      code: 'unavailable',
      retryable: true,
      applied: 'no',
      operation: 'storeAll',
      message: 'part 2 of storeAll failed: The bucket is gone. All before it is undone.',
      details: { index: 2, undone: 2, notUndone: [] },
    });
    expect(isStorageError(error.cause, 'unavailable')).toBe(true);
    expect([sql.stored.size, cache.stored.size]).toEqual([0, 0]);
  });

  test('what was replaced is put back as it was, with metadata and expiry', async () => {
    jest.useFakeTimers();
    try {
      const { dm } = setUp(failingStore);
      await dm.store('sql', 'before', { key: 'a', metadata: { m: 1 }, ttlMs: 60_000 });
      await dm.store('cache', 'before', { key: 'b', metadata: { ttl: 60, m: 2 } });
      jest.advanceTimersByTime(20_000);
      await failure(storeAll(dm, parts));
      expect(await dm.getRecordByKey('sql', 'a')).toMatchObject({
        data: 'before',
        metadata: { m: 1 },
        expiresAt: new Date(Date.now() + 40_000),
      });
      expect(await dm.getRecordByKey('cache', 'b')).toMatchObject({
        data: 'before',
        metadata: { m: 2 },
        expiresAt: new Date(Date.now() + 40_000),
      });
    } finally {
      jest.useRealTimers();
    }
  });

  test('what could not be undone is named', async () => {
    const { dm, cache, sql } = setUp(failingStore, (operation) => {
      if (operation === 'delete') throw new Failure({ code: 'timeout', message: 'late' });
    });
    const error = await failure(storeAll(dm, parts));
    expect(error).toMatchObject({ code: 'unavailable', applied: 'unknown', details: { index: 2, undone: 1 } });
    expect(error.message).toMatch(/ Not undone: sql:a\.$/);
    expect(
      (error.details as { notUndone: NotUndone[] }).notUndone.map(({ provider, key, error: { code } }) => [
        provider,
        key,
        code,
      ]),
    ).toEqual([['sql', 'a', 'timeout']]);
    expect([sql.stored.size, cache.stored.size]).toEqual([1, 0]);
  });

  test('a part that may have happened is undone too', async () => {
    const stored: StubBackend[] = [];
    const { dm, files } = setUp((operation) => {
      if (operation !== 'store') return;
      stored[0]?.stored.set('c', { data: 'half' } as never);
      throw new Failure({ code: 'timeout', message: 'late', applied: 'unknown' });
    });
    stored.push(files);
    expect(await failure(storeAll(dm, parts))).toMatchObject({
      code: 'timeout',
      applied: 'no',
      details: { index: 2, undone: 3 },
    });
    expect(files.stored.size).toBe(0);
  });

  test('a defect of a backend undoes as well', async () => {
    const { dm, sql } = setUp((operation) => {
      if (operation === 'store') throw new TypeError('oops');
    });
    expect(await failure(storeAll(dm, parts))).toMatchObject({ code: 'internal', details: { index: 2, undone: 3 } });
    expect(sql.stored.size).toBe(0);
  });

  test('a provider that is not registered, or a value that can not be stored, undoes what was before it', async () => {
    const { dm, sql } = setUp();
    const first = parts.slice(0, 1);
    expect(await failure(storeAll(dm, [...first, { provider: 'none', data: 1, key: 'x' }]))).toMatchObject({
      code: 'not_registered',
      details: { index: 1, undone: 1 },
    });
    expect(
      await failure(storeAll(dm, [...first, { provider: 'cache', data: 1, metadata: { ttl: -1 } }])),
    ).toMatchObject({ code: 'invalid_argument' });
    expect(sql.stored.size).toBe(0);
  });

  test('the same key twice goes back to what was first', async () => {
    const { dm } = setUp(failingStore);
    await dm.store('sql', 'before', { key: 'a' });
    await failure(
      storeAll(dm, [
        { provider: 'sql', data: 1, key: 'a' },
        { provider: 'sql', data: 2, key: 'a' },
        { provider: 'files', data: 3 },
      ]),
    );
    expect(await dm.retrieveByKey('sql', 'a')).toBe('before');
  });
});
