import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { createSqlite, type SqliteBackend } from './sqlite-backend.ts';

const hour = 3_600_000;

async function* bytes(count: number, of: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = count; left > 0; left -= 100_000) yield new Uint8Array(Math.min(left, 100_000)).fill(of);
}

async function nextTurns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe('what is removed behind writes', () => {
  let now: number;
  let database: Database.Database;
  let store: SqliteBackend;
  beforeEach(async () => {
    now = Date.now();
    database = new Database(':memory:');
    store = createSqlite({ database, clock: () => now });
    await store.open();
  });
  afterEach(async () => {
    await store.close();
    database.close();
  });

  const rows = (table: string): number =>
    Number(database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get());

  test('expired records', async () => {
    await store.records.storeMany(Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, data: i, ttlMs: 1000 })));
    now += 2000;
    expect(await store.records.count()).toBe(0);
    expect(rows('storage_records')).toBe(20);
    now += hour;
    await store.records.store('kept', 1);
    await nextTurns();
    expect(rows('storage_records')).toBe(1);
  });

  test('chunks of a record that was replaced, deleted or expired, after a grace', async () => {
    await store.records.storeStream('replaced', bytes(700_000, 1));
    await store.records.storeStream('deleted', bytes(700_000, 2));
    await store.records.storeStream('expired', bytes(700_000, 3), { ttlMs: 1000 });
    await store.records.storeStream('kept', bytes(700_000, 4));
    expect(rows('storage_chunks')).toBe(12);
    const reading = await store.records.retrieveStream('replaced');
    await store.records.store('replaced', 'now text');
    await store.records.delete('deleted');
    now += 2000;
    await nextTurns();
    let read = 0;
    for await (const chunk of reading?.data ?? []) read += chunk.byteLength;
    expect(read).toBe(700_000);
    for (let i = 0; i < 3; i++) {
      now += hour;
      await store.records.store('other', i);
      await nextTurns();
    }
    expect(rows('storage_chunks')).toBe(3);
    expect(rows('storage_streams')).toBe(1);
    const kept = await store.records.retrieve<Uint8Array>('kept');
    expect(kept?.data.byteLength).toBe(700_000);
    expect(kept?.data.every((byte) => byte === 4)).toBe(true);
  });

  test('a reader whose chunks were swept meets a conflict, never half of the bytes', async () => {
    await store.records.storeStream('a', bytes(700_000, 1));
    const reading = (await store.records.retrieveStream('a'))?.data[Symbol.asyncIterator]();
    await reading?.next();
    await store.records.delete('a');
    for (let i = 0; i < 2; i++) {
      now += hour;
      await store.records.store('other', i);
      await nextTurns();
    }
    await expect(reading?.next()).rejects.toMatchObject({ code: 'conflict', key: 'a' });
  });

  test('a stream that fails leaves nothing behind', async () => {
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield* bytes(700_000, 1);
      throw new Error('the sender is gone');
    }
    await expect(store.records.storeStream('a', failing())).rejects.toMatchObject({ code: 'aborted', applied: 'no' });
    expect(rows('storage_chunks')).toBe(0);
    expect(rows('storage_streams')).toBe(0);
    expect(await store.records.exists('a')).toBe(false);
  });
});
