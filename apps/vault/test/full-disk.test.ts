import { expect, test } from '@jest/globals';
import { StorageManager } from '@storage/manager';
import Database from 'better-sqlite3';
import { createVault } from '../src/index.ts';

test('a full disk is 507, keeps what was written and serves on', async () => {
  const database = new Database(':memory:');
  const manager = new StorageManager({ backend: 'sqlite', options: { database } });
  await manager.initialize();
  const app = await createVault(manager);
  const put = (n: number, size: number) =>
    app.inject({ method: 'PUT', url: `/storage/cache/k${n}`, payload: { value: 'x'.repeat(size) } });
  database.pragma(`max_page_count = ${Number(database.pragma('page_count', { simple: true })) + 20}`);

  const statuses: number[] = [];
  for (let n = 0; n < 8; n++) statuses.push((await put(n, 30_000)).statusCode);
  expect(new Set(statuses)).toEqual(new Set([200, 507]));
  // Of many that arrive together, those that fit are kept.
  const small = await Promise.all([put(100, 10), put(101, 500_000), put(102, 10)]);
  expect(small.map(({ statusCode }) => statusCode)).toEqual([200, 507, 200]);
  expect(small[1]?.json()).toMatchObject({ code: 'quota_exceeded', status: 507 });
  for (const [n, status] of [...statuses.entries(), [100, 200], [101, 507]] as const) {
    expect((await app.inject(`/storage/cache/k${n}`)).statusCode).toBe(status === 200 ? 200 : 404);
  }
  expect((await app.inject({ method: 'DELETE', url: '/storage/cache/k0' })).statusCode).toBe(204);
  expect((await put(0, 30_000)).statusCode).toBe(200);
  await app.close();
  await manager.shutdown();
  database.close();
});
