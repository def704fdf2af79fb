import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSqlite } from './sqlite-backend.ts';

describe('a store in a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('keeps records over close and open', async () => {
    const path = join(folder, 'made', 'store.sqlite');
    const first = createSqlite({ path });
    await first.open();
    const stored = await first.records.store('user', { name: 'Ada', tags: ['a'] }, { metadata: { rank: 1 } });
    await first.records.store('bytes', new Uint8Array([1, 2, 3]));
    await first.close();

    const second = createSqlite({ path });
    await second.open();
    const found = await second.records.retrieve('user');
    expect(found).toEqual({ ...stored, data: { name: 'Ada', tags: ['a'] } });
    expect((await second.records.retrieve<Uint8Array>('bytes'))?.data).toEqual(new Uint8Array([1, 2, 3]));
    expect(await second.records.delete('user')).toBe(true);
    expect(await second.records.retrieve('user')).toBeUndefined();
    expect((await second.health()).status).toBe('healthy');
    await second.close();
    await second.close();
  });

  test('a read sees the write that was not awaited', async () => {
    const store = createSqlite({ path: join(folder, 'store.sqlite') });
    await store.open();
    const writing = Promise.all(Array.from({ length: 50 }, (_, i) => store.records.store(`k${i}`, i)));
    expect((await store.records.retrieve('k49'))?.data).toBe(49);
    expect((await store.records.list({ limit: 1000 })).items).toHaveLength(50);
    expect(await writing).toHaveLength(50);
    await store.close();
  });
});
