import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { createSqlite } from './sqlite-backend.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  path = join(folder, 'store.sqlite');
});
afterEach(() => {
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs as somebody whom file modes bind; root's are not asked. */
async function unprivileged<T>(body: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) return body();
  seteuid(65_534);
  try {
    return await body();
  } finally {
    seteuid(0);
  }
}

describe('a file that is in use', () => {
  test('a write waits for another process, and succeeds', async () => {
    const store = createSqlite({ path });
    await store.open();
    const other = new Database(path, { timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    const alone = store.records.store('a', 1);
    const grouped = Promise.all([store.records.store('b', 1), store.records.store('c', 1)]);
    const conditional = store.records.store('d', 1, { ifAbsent: true });
    setTimeout(() => other.exec('COMMIT'), 40);
    await Promise.all([alone, grouped, conditional]);
    other.close();
    expect(await store.records.count()).toBe(4);
    await store.close();
  });

  test('while it is busy, a later write to a key does not overtake a conditional one', async () => {
    const store = createSqlite({ path });
    await store.open();
    const other = new Database(path, { timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const calls = keys.flatMap((key) => [
      store.records.store(key, 1, { ifAbsent: true }),
      store.records.touch(key, { ttlMs: 60_000 }),
      store.records.store(key, 2),
    ]);
    setTimeout(() => other.exec('COMMIT'), 40);
    const answers = await Promise.all(calls);
    other.close();
    expect(answers.filter((_, index) => index % 3 === 1)).toEqual(keys.map(() => true));
    expect((await store.records.retrieveMany(keys)).map((record) => record?.data)).toEqual(keys.map(() => 2));
    await store.close();
  });

  test('while it is busy, a later write does not overtake a batch', async () => {
    const store = createSqlite({ path });
    await store.open();
    for (let round = 0; round < 10; round++) {
      const other = new Database(path, { timeout: 0 });
      other.exec('BEGIN IMMEDIATE');
      const batch = store.records.storeMany([{ key: 'a', data: 1 }]);
      const later = store.records.store('a', 2);
      setTimeout(() => other.exec('COMMIT'), 10);
      await Promise.all([batch, later]);
      other.close();
      expect((await store.records.retrieve('a'))?.data).toBe(2);
    }
    await store.close();
  });

  test('over busyTimeoutMs it is unavailable, not applied, and the process was never stopped', async () => {
    const store = createSqlite({ path, busyTimeoutMs: 60 });
    await store.open();
    const other = new Database(path, { timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    let turns = 0;
    const counting = setInterval(() => turns++, 5);
    await expect(store.records.store('a', 1)).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      applied: 'no',
    });
    await expect(store.records.store('a', 1, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
    other.exec('ROLLBACK');
    other.close();
    await store.records.store('a', 1);
    await store.close();
  });

  test('a transaction that lasts holds writers back, and not readers', async () => {
    const store = createSqlite({ path, busyTimeoutMs: 50 });
    await store.open();
    await store.records.store('a', 1);
    await store.transactions.with(async ({ records }) => {
      await records.store('a', 2);
      expect((await store.records.retrieve('a'))?.data).toBe(1);
      await expect(store.records.store('b', 1)).rejects.toMatchObject({ code: 'unavailable' });
    });
    expect((await store.records.retrieve('a'))?.data).toBe(2);
    await store.close();
  });

  test('several processes open one empty file at once', async () => {
    const backend = new URL('./sqlite-backend.ts', import.meta.url).href;
    const program = `
      const { createSqlite } = await import(${JSON.stringify(backend)});
      const store = createSqlite({ path: ${JSON.stringify(path)}, fields: ['data.n'] });
      await store.open();
      await store.records.store('p' + process.pid, { n: 1 });
      await store.close();`;
    const runs = Array.from({ length: 4 }, () => {
      const child = spawn(
        process.execPath,
        ['--conditions=@storage/source', '--import', 'tsx', '--input-type=module', '-e', program],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { ...process.env, NODE_OPTIONS: '' },
        },
      );
      let errors = '';
      child.stderr.on('data', (chunk) => {
        errors += String(chunk);
      });
      return new Promise<string>((resolve) => child.on('close', (code) => resolve(code === 0 ? '' : errors)));
    });
    expect(await Promise.all(runs)).toEqual(['', '', '', '']);
    const store = createSqlite({ path });
    await store.open();
    expect(await store.records.count()).toBe(4);
    await store.close();
  }, 30_000);
});

describe('a file that is not as it should be', () => {
  test('a damaged file is corrupt, and the message says which and how to mend it', async () => {
    writeFileSync(path, 'this is no database, and long enough to be looked at'.repeat(100));
    await expect(createSqlite({ path }).open()).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(path),
      details: { path },
    });
    await expect(createSqlite({ path }).open()).rejects.toThrow(/backup/);
  });

  test('damage inside is told by health and by the call that meets it', async () => {
    const store = createSqlite({ path });
    await store.open();
    await store.records.storeMany(Array.from({ length: 200 }, (_, i) => ({ key: `k${i}`, data: 'x'.repeat(500) })));
    await store.close();
    const damaged = new Database(path);
    damaged.pragma('wal_checkpoint(TRUNCATE)');
    damaged.close();
    const bytes = readFileSync(path);
    // The pages of the records, the header excepted.
    bytes.fill(0xff, bytes.length - 60_000, bytes.length - 4096);
    writeFileSync(path, bytes);
    const again = createSqlite({ path });
    await again.open();
    const health = await again.health();
    expect(health.status).toBe('unhealthy');
    expect(health.message).toContain(path);
    await expect(again.records.query({ limit: 1000 })).rejects.toMatchObject({ code: 'corrupt' });
    await again.close();
  });

  test('a newer schema is refused with both versions, and left as it is', async () => {
    const store = createSqlite({ path });
    await store.open();
    await store.close();
    const other = new Database(path);
    other.exec("UPDATE storage_schema SET version = 99 WHERE part = 'records'");
    other.close();
    await expect(createSqlite({ path }).open()).rejects.toMatchObject({
      code: 'version_mismatch',
      details: { part: 'records', found: 99, expected: 1 },
    });
  });

  test('verify changes nothing: a file without the schema, or without an index, is version_mismatch', async () => {
    await expect(createSqlite({ path, migrate: 'verify' }).open()).rejects.toMatchObject({ code: 'version_mismatch' });
    const store = createSqlite({ path });
    await store.open();
    await store.close();
    await expect(createSqlite({ path, migrate: 'verify', fields: ['data.a'] }).open()).rejects.toMatchObject({
      code: 'version_mismatch',
    });
    const verified = createSqlite({ path, migrate: 'verify' });
    await verified.open();
    await verified.close();
  });
});

describe('a place that can not be written', () => {
  test('a read-only folder is permission_denied and names the path', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    chmodSync(folder, 0o755);
    chmodSync(closed, 0o555);
    await unprivileged(async () => {
      await expect(createSqlite({ path: join(closed, 'store.sqlite') }).open()).rejects.toMatchObject({
        code: 'permission_denied',
        message: expect.stringContaining(closed),
      });
      await expect(createSqlite({ path: join(closed, 'sub', 'store.sqlite') }).open()).rejects.toMatchObject({
        code: 'permission_denied',
      });
    });
  });

  test('readOnly reads, and refuses writes', async () => {
    const writer = createSqlite({ path });
    await writer.open();
    await writer.records.store('a', { n: 1 });
    await writer.close();
    const reader = createSqlite({ path, readOnly: true });
    await reader.open();
    expect((await reader.records.query({ filter: { 'data.n': 1 } })).items).toHaveLength(1);
    await expect(reader.records.store('b', 1)).rejects.toMatchObject({ code: 'permission_denied', applied: 'no' });
    await expect(reader.records.delete('a')).rejects.toMatchObject({ code: 'permission_denied' });
    await reader.close();
  });

  test('a full disk is quota_exceeded for whom there is no room; others keep their writes', async () => {
    const database = new Database(path);
    const store = createSqlite({ database });
    await store.open();
    await store.records.store('before', 1);
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages + 4}`);
    const outcomes = await Promise.allSettled([
      store.records.store('small', 1),
      store.records.store('large', 'x'.repeat(200_000)),
      store.records.store('small too', 1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'quota_exceeded', applied: 'no' } });
    await expect(
      store.records.storeMany(
        [
          { key: 'x', data: 1 },
          { key: 'y', data: 'x'.repeat(200_000) },
        ],
        { atomic: true },
      ),
    ).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect((await store.records.list()).items.map(({ key }) => key)).toEqual(['before', 'small', 'small too']);
    await store.close();
    expect(database.open).toBe(true);
    database.close();
  });

  test('a transaction that the engine gave up is over: nothing of it is kept, whatever its body does', async () => {
    const writer = createSqlite({ path });
    await writer.open();
    await writer.close();
    const database = new Database(path);
    const store = createSqlite({ database });
    await store.open();
    const undone = store.transactions.with(async ({ records }) => {
      await records.store('a', 1);
      // What the engine does by itself when the disk fails.
      database.exec('ROLLBACK');
      await expect(records.store('b', 1)).rejects.toMatchObject({ code: 'invalid_state' });
    });
    await expect(undone).rejects.toMatchObject({ code: 'invalid_state', applied: 'no' });
    expect(await store.records.count()).toBe(0);
    await store.close();
    database.close();
  });
});
