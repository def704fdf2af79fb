import { access, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../src/config.ts';
import { databasePath } from '../src/database-path.ts';
import { call, killLeftovers, launch, processTestMs, startProcess, temporaryFolder } from './support/vault-process.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  killLeftovers();
  await folder.remove();
});

describe('where the data is kept', () => {
  test('in the volume, where there is one', () => {
    expect(databasePath(undefined, folder.path, '/nowhere')).toEqual({
      path: join(folder.path, 'storage.db'),
      note: undefined,
    });
  });

  test('else in a folder here, and it says so', async () => {
    const path = join(folder.path, 'data', 'storage.db');
    const missing = join(folder.path, 'missing');
    expect(databasePath('', missing, folder.path)).toEqual({ path, note: expect.stringContaining(path) });
    await access(join(folder.path, 'data'));
    // A file is no volume either.
    await writeFile(missing, '');
    expect(databasePath(undefined, missing, folder.path).path).toBe(path);
  });

  test('where it was asked for, or not at all', async () => {
    expect(databasePath('deep/er/my.db', folder.path, folder.path)).toEqual({
      path: join(folder.path, 'deep/er/my.db'),
      note: undefined,
    });
    expect(databasePath(':memory:')).toEqual({ path: ':memory:', note: undefined });
    await writeFile(join(folder.path, 'file'), '');
    expect(() => databasePath(join(folder.path, 'file', 'my.db'))).toThrow(/DB_PATH=.* can't be written/);
    expect(() => databasePath(folder.path)).toThrow(/is a folder/);
    await mkdir(join(folder.path, 'locked'));
    await chmod(join(folder.path, 'locked'), 0o500);
    // Nothing is locked to the superuser.
    if (process.getuid?.() !== 0) expect(() => databasePath(join(folder.path, 'locked', 'my.db'))).toThrow(/EACCES/);
  });
});

describe('the environment', () => {
  const env = { DB_PATH: ':memory:' };

  test('has defaults', () => {
    expect(readConfig(env)).toEqual({
      host: '127.0.0.1',
      port: 8084,
      databasePath: ':memory:',
      notes: [expect.stringContaining('HOST=0.0.0.0')],
      logLevel: 'info',
      maxBodyBytes: 16 * 1024 * 1024,
    });
  });

  test('is read', () => {
    const config = readConfig({ ...env, HOST: '0.0.0.0', PORT: '9', LOG_LEVEL: 'critical', MAX_BODY_BYTES: '10' });
    expect(config).toMatchObject({ host: '0.0.0.0', port: 9, notes: [], logLevel: 'fatal', maxBodyBytes: 10 });
    for (const [word, level] of [
      ['Debug', 'debug'],
      ['INFO', 'info'],
      ['warning', 'warn'],
      ['ERROR', 'error'],
    ] as const) {
      expect(readConfig({ ...env, LOG_LEVEL: word }).logLevel).toBe(level);
    }
  });

  test.each([
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', 'http'],
    ['LOG_LEVEL', 'loud'],
    ['MAX_BODY_BYTES', '0'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => readConfig({ ...env, [name]: value })).toThrow(`${name}=${value}`);
  });
});

test(
  'the process tells where it listens and keeps its data, and keeps it',
  async () => {
    // Asked for: without it, it would be where this machine happens to have a volume.
    const path = join(folder.path, 'kept', 'storage.db');
    const first = await startProcess({ DB_PATH: path }, folder.path);
    expect(first.output()).toContain(path);
    expect(first.output()).toContain('HOST=0.0.0.0');
    expect(first.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const id = `kept-${process.pid}-${Date.now()}`;
    expect((await call(first.url, 'POST', '/storage/sessions', { id, agent_name: 'a' })).status).toBe(201);
    expect(await first.end('SIGINT')).toBe(0);
    const second = await startProcess({ DB_PATH: path }, folder.path);
    expect((await call(second.url, 'GET', `/storage/sessions/${id}`)).status).toBe(200);
    expect((await call(second.url, 'DELETE', `/storage/sessions/${id}`)).status).toBe(204);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(second.output()).toContain('The Vault is closed.');
  },
  processTestMs,
);

test(
  'a database that cannot be had ends the process with the reason, and no fallback',
  async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, 'this is no database, but a text of some length');
    for (const [path, reason] of [
      [join(file, 'storage.db'), /DB_PATH=.*can't be written/],
      [file, /could not start: .*\((corrupt|invalid_argument)\)/],
    ] as const) {
      const { exit, output } = launch({ DB_PATH: path }, folder.path);
      expect(await exit).toBe(1);
      expect(output()).toMatch(reason);
      expect(output()).not.toMatch(/\n +at /);
    }
    expect(await readFile(file, 'utf8')).toMatch(/^this is no database/);
    await expect(access(join(folder.path, 'data'))).rejects.toMatchObject({ code: 'ENOENT' });
  },
  processTestMs,
);

test(
  'a body of 100 MB is 413 over a real connection, and the next request is served',
  async () => {
    const vault = await startProcess({ DB_PATH: ':memory:' });
    const chunk = new Uint8Array(1024 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < 100) controller.enqueue(chunk);
        else controller.close();
      },
    });
    // The server may close the connection before all was sent; then there is no answer to read.
    const outcome = await fetch(`${vault.url}/storage/state/s`, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
    } as RequestInit).then(
      ({ status }) => status,
      () => 'closed',
    );
    expect([413, 'closed']).toContain(outcome);
    expect(sent).toBeLessThan(100);
    expect((await call(vault.url, 'GET', '/health')).status).toBe(200);
    expect(await vault.end('SIGTERM')).toBe(0);
  },
  processTestMs,
);
