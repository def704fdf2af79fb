import { expect, test } from '@jest/globals';
import { stubBackend } from '../test/stub-backend.ts';
import type { KeyedRecords } from './records.ts';
import { update } from './update.ts';

function store(options: Parameters<typeof stubBackend>[0] = {}): KeyedRecords {
  return stubBackend(options).records as KeyedRecords;
}

test('makes a record that was not there, and changes one that is', async () => {
  const records = store();
  const count = (current?: { data: { n: number } }) => ({ data: { n: (current?.data.n ?? 0) + 1 } });
  await update<{ n: number }>(records, 'k', count);
  await update<{ n: number }>(records, 'k', count);
  expect((await records.retrieve('k'))?.data).toEqual({ n: 2 });
});

test('no increment is lost among many at once', async () => {
  const records = store();
  await Promise.all(
    Array.from({ length: 20 }, () =>
      update<number>(records, 'k', (current) => ({ data: (current?.data ?? 0) + 1 }), { retries: 100 }),
    ),
  );
  expect((await records.retrieve('k'))?.data).toBe(20);
});

test('keeps metadata, content type and expiry unless they are given', async () => {
  const now = Date.now();
  const records = store({ clock: () => now });
  await records.store('k', 1, { metadata: { a: 1 }, contentType: 'application/x', ttlMs: 60_000 });
  const kept = await update(records, 'k', () => ({ data: 2 }));
  expect(kept).toMatchObject({ metadata: { a: 1 }, contentType: 'application/x' });
  expect(kept?.expiresAt?.getTime()).toBeGreaterThan(now + 50_000);
  expect(kept?.expiresAt?.getTime()).toBeLessThanOrEqual(now + 60_000);
  expect(await update(records, 'k', () => ({ data: 3, options: { metadata: { b: 2 } } }))).toMatchObject({
    metadata: { b: 2 },
    contentType: 'application/x',
  });
});

test('leaves all as it is when the change answers undefined', async () => {
  const records = store();
  const { etag } = await records.store('k', 1);
  expect(await update(records, 'k', () => undefined)).toBeUndefined();
  expect((await records.retrieve('k'))?.etag).toBe(etag);
});

test('gives up after its retries', async () => {
  const records = store();
  await records.store('k', 0);
  let runs = 0;
  const losing = update<number>(
    records,
    'k',
    async () => {
      await records.store('k', ++runs);
      return { data: -1 };
    },
    { retries: 3 },
  );
  await expect(losing).rejects.toMatchObject({ code: 'conflict', key: 'k', applied: 'no', operation: 'update' });
  await expect(losing).rejects.toThrow(/lost 4 races; raise `retries`/);
  expect(runs).toBe(4);
});

test('what is no lost race is thrown at once', async () => {
  const records = store({
    before: (operation) => {
      if (operation === 'store') throw new TypeError('broken');
    },
  });
  await expect(update(records, 'k', () => ({ data: 1 }))).rejects.toThrow(TypeError);
});
