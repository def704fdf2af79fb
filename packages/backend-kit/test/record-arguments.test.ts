import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordStore } from '@storage/core';
import { createRecordStore } from '../src/index.ts';
import { FakeDriver, openContext } from './fake-driver.ts';

let driver: FakeDriver;
let store: RecordStore;

beforeEach(async () => {
  driver = new FakeDriver();
  store = createRecordStore(driver, await openContext());
});

describe('arguments of the record store', () => {
  it.each<[string, (s: RecordStore) => Promise<unknown>, string]>([
    ['an empty key', (s) => s.store('', 1), 'invalid_argument'],
    ['a key that is no string', (s) => s.retrieve(7 as never), 'invalid_argument'],
    ['a key of 600 bytes', (s) => s.exists('x'.repeat(600)), 'too_large'],
    ['a value with NaN', (s) => s.store('a', { b: Number.NaN }), 'invalid_argument'],
    ['a value over the limit', (s) => s.store('a', 'x'.repeat(10_000)), 'too_large'],
    ['metadata over the limit', (s) => s.store('a', 1, { metadata: { m: 'x'.repeat(1000) } }), 'too_large'],
    ['metadata that is a list', (s) => s.store('a', 1, { metadata: [] as never }), 'invalid_argument'],
    ['a ttl of half a millisecond', (s) => s.store('a', 1, { ttlMs: 0.5 }), 'invalid_argument'],
    ['a ttl of 0', (s) => s.store('a', 1, { ttlMs: 0 }), 'invalid_argument'],
    ['a ttl of NaN', (s) => s.touch('a', { ttlMs: Number.NaN }), 'invalid_argument'],
    ['both conditions', (s) => s.store('a', 1, { ifAbsent: true, ifMatch: 'x' }), 'invalid_argument'],
    ['an etag that is none', (s) => s.delete('a', { ifMatch: 5 as never }), 'invalid_argument'],
    [
      'a content type with a line break',
      (s) => s.store('a', 1, { contentType: 'text/plain\r\nx: y' }),
      'invalid_argument',
    ],
    ['a negative timeout', (s) => s.store('a', 1, { timeoutMs: -1 }), 'invalid_argument'],
    ['a timeout of NaN', (s) => s.retrieve('a', { timeoutMs: Number.NaN }), 'invalid_argument'],
    ['a signal that is none', (s) => s.retrieve('a', { signal: {} as never }), 'invalid_argument'],
    ['a stream for store', (s) => s.store('a', Readable.from([])), 'invalid_argument'],
    ['no stream for storeStream', (s) => s.storeStream('a', new Uint8Array(1) as never), 'invalid_argument'],
    ['a range below 0', (s) => s.retrieveStream('a', { range: { offset: -1 } }), 'invalid_argument'],
    ['a limit of 0', (s) => s.list({ limit: 0 }), 'invalid_argument'],
    ['a limit of 1,001', (s) => s.query({ limit: 1001 }), 'invalid_argument'],
    ['an unknown operator', (s) => s.query({ filter: { 'data.a': { $where: 1 } } as never }), 'invalid_argument'],
    ['a path with another root', (s) => s.count({ filter: { age: 1 } as never }), 'invalid_argument'],
    ['a sort by nothing', (s) => s.query({ sort: [{ path: 'name' }] }), 'invalid_argument'],
    ['a selection of metadata', (s) => s.query({ select: ['metadata.a'] }), 'invalid_argument'],
    ['deleteWhere without a filter', (s) => s.deleteWhere(undefined as never), 'invalid_argument'],
    ['a batch that is no list', (s) => s.deleteMany(5 as never), 'invalid_argument'],
    ['atomic where it is not', (s) => s.storeMany([], { atomic: true }), 'unsupported'],
    [
      'a getter that throws',
      (s) =>
        s.store('a', {
          get b() {
            throw new Error('mine');
          },
        }),
      'invalid_argument',
    ],
  ])('rejects %s before any work', async (_, call, code) => {
    await expect(call(store)).rejects.toMatchObject({ code, backend: 'fake' });
    expect(driver.asked).toEqual([]);
  });
});
