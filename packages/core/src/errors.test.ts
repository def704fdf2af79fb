import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { invalidArgument, isStorageError, outcome, StorageError, toStorageError, withContext } from './errors.ts';

test('retryable follows from the code unless it is said', () => {
  const codes = ['unavailable', 'timeout', 'rate_limited'] as const;
  for (const code of codes) expect(new StorageError({ code, message: '' }).retryable).toBe(true);
  expect(new StorageError({ code: 'conflict', message: '' }).retryable).toBe(false);
  expect(new StorageError({ code: 'timeout', message: '', retryable: false }).retryable).toBe(false);
});

describe('isStorageError', () => {
  test('tells errors of this copy, with and without a code', () => {
    const error = new StorageError({ code: 'conflict', message: 'lost' });
    expect(isStorageError(error)).toBe(true);
    expect(isStorageError(error, 'conflict')).toBe(true);
    expect(isStorageError(error, 'timeout')).toBe(false);
  });

  test('tells errors of another copy of the package and of another realm', () => {
    const error: unknown = runInNewContext(`
      class StorageError extends Error { code = 'timeout'; }
      StorageError.prototype[Symbol.for('@storage/error/1')] = true;
      new StorageError('from elsewhere')`);
    expect(isStorageError(error, 'timeout')).toBe(true);
    expect(toStorageError(error)).toBe(error);
  });

  test.each([new Error('x'), { code: 'timeout' }, null, undefined, 'timeout', 3])('is false for %p', (value) => {
    expect(isStorageError(value)).toBe(false);
  });
});

test('toJSON has neither cause nor stack', () => {
  const error = new StorageError({
    code: 'unavailable',
    message: 'down',
    backend: 'redis',
    operation: 'records.store',
    key: 'k',
    applied: 'unknown',
    details: { retryAfterMs: 5 },
    cause: new Error('password=hunter2'),
  });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: 'StorageError',
    code: 'unavailable',
    message: 'down',
    backend: 'redis',
    operation: 'records.store',
    key: 'k',
    retryable: true,
    applied: 'unknown',
    details: { retryAfterMs: 5 },
  });
  expect((error.cause as Error).message).toBe('password=hunter2');
});

test('an error without a cause has none', () => {
  expect('cause' in invalidArgument('wrong')).toBe(false);
});

describe('withContext', () => {
  test('fills in only what is missing, keeping stack, cause and code', () => {
    const cause = new Error('x');
    const error = new StorageError({ code: 'conflict', message: 'lost', key: 'own', details: { a: 1 }, cause });
    const filled = withContext(error, { backend: 'b', operation: 'o', key: 'other', applied: 'no' });
    expect(filled).toMatchObject({
      code: 'conflict',
      message: 'lost',
      backend: 'b',
      operation: 'o',
      key: 'own',
      applied: 'no',
      details: { a: 1 },
    });
    expect(filled.cause).toBe(cause);
    expect(filled.stack).toBe(error.stack);
  });

  test('answers the same error when there is nothing to fill in', () => {
    const error = new StorageError({ code: 'conflict', message: 'lost', backend: 'b' });
    expect(withContext(error, { backend: 'c' })).toBe(error);
  });
});

test('outcome never rejects', async () => {
  const error = new StorageError({ code: 'timeout', message: 'late' });
  const defect = new TypeError('oops');
  expect(await outcome(Promise.resolve(1))).toEqual({ ok: true, value: 1 });
  expect(await outcome(Promise.reject(error))).toEqual({ ok: false, error });
  const wrapped = await outcome(Promise.reject(defect));
  expect(wrapped).toMatchObject({ ok: false, error: { code: 'internal', retryable: false, cause: defect } });
});
