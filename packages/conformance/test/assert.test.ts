import { describe, expect, it } from '@jest/globals';
import { StorageError } from '@storage/core';
import { equal, isAssertion, rejects, sameData, within } from '../src/assert.ts';
import { isLinearizable } from '../src/properties/linearizability.ts';

describe('sameData', () => {
  it.each([
    [{ a: 1, b: undefined }, { a: 1 }],
    [new Date(5), new Date(5)],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
    [
      [1, [2, { a: null }]],
      [1, [2, { a: null }]],
    ],
  ])('%j equals %j', (a, b) => expect(sameData(a, b)).toBe(true));

  it.each([
    [0, -0],
    [1, '1'],
    [null, undefined],
    [{}, []],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: undefined, b: 1 }, { a: 1 }],
    [new Date(5), new Date(6)],
    [Uint8Array.of(1), Uint8Array.of(1, 2)],
    [JSON.parse('{"__proto__":1}'), {}],
  ])('%j differs from %j', (a, b) => expect(sameData(a, b)).toBe(false));
});

describe('rejects', () => {
  const error = new StorageError({ code: 'conflict', message: 'lost' });

  it('answers the error of the code', async () => {
    await expect(rejects(() => Promise.reject(error), 'conflict', 'a call')).resolves.toBe(error);
  });

  it('fails for another code, another error, a value, and a call that throws at once', async () => {
    const throwing = (): never => {
      throw error;
    };
    for (const call of [() => Promise.reject(new Error('x')), () => Promise.resolve(1), throwing]) {
      await expect(rejects(call, 'conflict', 'a call')).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    }
    await expect(rejects(() => Promise.reject(error), 'aborted', 'a call')).rejects.toMatchObject({
      code: 'ERR_ASSERTION',
    });
  });
});

it('tells assertions from other errors', () => {
  const thrown = (work: () => void): unknown => {
    try {
      work();
      return undefined;
    } catch (error) {
      return error;
    }
  };
  expect(isAssertion(thrown(() => equal(1, 2, 'a number')))).toBe(true);
  expect(isAssertion(thrown(() => within(3, 4, 5, 'a number')))).toBe(true);
  expect(isAssertion(new Error('x'))).toBe(false);
});

describe('isLinearizable', () => {
  const store = {
    kind: 'store' as const,
    value: 'a',
    etag: '',
    begin: 1,
    end: 2,
    answer: { value: { etag: 'e1', value: 'a' } },
  };
  const read = { kind: 'retrieve' as const, value: '', etag: '', begin: 3, end: 4, answer: { value: undefined } };

  it('takes a read of nothing beside a store', () =>
    expect(isLinearizable([store, { ...read, begin: 1.5 }])).toBe(true));
  it('refuses a read of nothing behind a store', () => expect(isLinearizable([store, read])).toBe(false));
  it('refuses two winners of one etag', () => {
    const change = { ...store, kind: 'storeIfMatch' as const, etag: 'e1', begin: 3, end: 9 };
    const one = { ...change, answer: { value: { etag: 'e2', value: 'b' } } };
    const two = { ...change, begin: 4, answer: { value: { etag: 'e3', value: 'c' } } };
    expect(isLinearizable([store, one])).toBe(true);
    expect(isLinearizable([store, one, two])).toBe(false);
  });
});
