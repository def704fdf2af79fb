import { spawn } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isStorageError } from '@storage/core';
import { openFolders } from '../src/filesystem-folders.ts';
import { createFilesystem, type FilesystemBackend } from '../src/index.ts';
import { type Scratch, scratch } from './support.ts';

let folder: Scratch;
let base: string;
let outside: string;
let backend: FilesystemBackend;

beforeEach(async () => {
  folder = scratch();
  base = join(folder.path, 'base');
  outside = join(folder.path, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.json'), '{"secret":true}');
  backend = createFilesystem({ basePath: base });
  await backend.open();
});
afterEach(async () => {
  await backend.close();
  folder[Symbol.dispose]();
});

/** Everything outside as it was. */
function expectUntouched(): void {
  expect(readdirSync(outside)).toEqual(['secret.json']);
  expect(readFileSync(join(outside, 'secret.json'), 'utf8')).toBe('{"secret":true}');
}

/** Refused, and the message holds nothing of what is outside. */
async function expectRefused(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    (value) => ({ answered: value }),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'permission_denied' });
  expect(String((error as Error).message)).not.toContain('secret":');
}

describe('a symbolic link', () => {
  test('as a folder of keys is not followed', async () => {
    symlinkSync(outside, join(base, 'dir'));
    await expectRefused(backend.records.retrieve('dir/secret.json'));
    await expectRefused(backend.records.retrieveStream('dir/secret.json'));
    await expectRefused(backend.records.exists('dir/secret.json'));
    await expectRefused(backend.records.store('dir/mine', 1));
    await expectRefused(backend.records.store('dir/sub/mine', 1, { metadata: { a: 1 } }));
    await expectRefused(backend.records.delete('dir/secret.json'));
    await expectRefused(backend.records.touch('dir/secret.json', { ttlMs: 1000 }));
    expect((await backend.records.list()).items).toEqual([]);
    expectUntouched();
  });

  test('as a namespace is not followed', async () => {
    symlinkSync(outside, join(base, '@tenant'));
    const tenant = backend.records.namespace('tenant');
    await expectRefused(tenant.retrieve('secret.json'));
    await expectRefused(tenant.store('mine', 1));
    expect((await backend.records.namespaces()).items).toEqual([]);
    await expectRefused(tenant.dropNamespace({ recursive: true }));
    expectUntouched();
  });

  test('as the file of a record is not followed', async () => {
    symlinkSync(join(outside, 'secret.json'), join(base, 'link.json'));
    await expectRefused(backend.records.retrieve('link.json'));
    await expectRefused(backend.records.exists('link.json'));
    await expectRefused(backend.records.store('link.json', 1));
    await expectRefused(backend.records.store('link.json', 1, { metadata: { a: 1 } }));
    await expectRefused(backend.records.delete('link.json'));
    expect(await backend.records.count()).toBe(0);
    expect(lstatSync(join(base, 'link.json')).isSymbolicLink()).toBe(true);
    expectUntouched();
  });

  test('as a sidecar is not followed', async () => {
    await backend.records.store('k', 1, { metadata: { a: 1 } });
    const [name = ''] = readdirSync(join(base, '.storage', 'meta'));
    renameSync(join(base, '.storage', 'meta', name), join(folder.path, 'sidecar'));
    symlinkSync(join(folder.path, 'sidecar'), join(base, '.storage', 'meta', name));
    await expectRefused(backend.records.retrieve('k'));
    expectUntouched();
  });

  test('as a lock is not followed', async () => {
    await backend.records.store('k', 1, { metadata: { a: 1 } });
    const [name = ''] = readdirSync(join(base, '.storage', 'meta'));
    symlinkSync(join(outside, 'secret.json'), join(base, '.storage', 'locks', `${name}.lock`));
    await expectRefused(backend.records.store('k', 2));
    expect((await backend.records.retrieve('k'))?.data).toBe(1);
    expectUntouched();
  });

  test.each(['.storage', '.storage/work', '.storage/locks', '.storage/meta'])('as %s is not followed', async (name) => {
    await backend.records.store('k', 1, { metadata: { a: 1 } });
    await backend.close();
    rmSync(join(base, name), { recursive: true });
    symlinkSync(outside, join(base, name));
    await using again = createFilesystem({ basePath: base });
    const work = async (): Promise<unknown> => {
      await again.open();
      return again.records.store('k', 2, { metadata: { a: 2 } });
    };
    await expectRefused(work());
    expectUntouched();
  });

  test('as basePath itself is the user’s own choice', async () => {
    symlinkSync(base, join(folder.path, 'alias'));
    await using alias = createFilesystem({ basePath: join(folder.path, 'alias') });
    await alias.open();
    await alias.records.store('a/b', 1);
    expect((await backend.records.retrieve('a/b'))?.data).toBe(1);
  });
});

test('a folder that somebody swaps with a link during calls never leads outside', async () => {
  await backend.records.store('dir/keep.json', { mine: true });
  const swapper = spawn(
    process.execPath,
    [
      '-e',
      `const fs = require('fs');
       const [dir, kept, outside] = process.argv.slice(1);
       process.stdout.write('ready');
       for (;;) {
         try { fs.renameSync(dir, kept); fs.symlinkSync(outside, dir); } catch (error) { if (!error.code) throw error; }
         try { fs.unlinkSync(dir); } catch (error) { if (!error.code) throw error; }
         try { fs.renameSync(kept, dir); } catch (error) { fs.rmSync(kept, { recursive: true, force: true }); }
       }`,
      join(base, 'dir'),
      join(base, 'kept'),
      outside,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    await new Promise((resolve) => swapper.stdout.once('data', resolve));
    const outcomes = new Set<string>();
    const until = Date.now() + 2500;
    for (let n = 0; Date.now() < until; n++) {
      const calls = [
        backend.records.store('dir/secret.json', { n }),
        backend.records.store('dir/described', { n }, { metadata: { n } }),
        backend.records.retrieve('dir/secret.json'),
        backend.records.delete('dir/secret.json'),
        backend.records.list({ prefix: 'dir/' }),
        backend.records.store(`dir/deep/${n % 3}`, n),
      ];
      for (const { status, ...rest } of await Promise.allSettled<unknown>(calls)) {
        const reason: unknown = 'reason' in rest ? rest.reason : undefined;
        if (status === 'rejected' && !isStorageError(reason)) throw reason;
        if (isStorageError(reason, 'internal')) throw reason.cause;
        outcomes.add(isStorageError(reason) ? reason.code : status);
        if ('value' in rest) expect(JSON.stringify(rest.value) ?? '').not.toContain('"secret":true');
      }
    }
    // Some calls met the folder, and whatever the others met, they said so.
    expect(outcomes).toContain('fulfilled');
    for (const outcome of outcomes)
      expect(['fulfilled', 'permission_denied', 'unavailable', 'invalid_argument']).toContain(outcome);
  } finally {
    swapper.kill('SIGKILL');
    await new Promise((resolve) => swapper.once('close', resolve));
  }
  expectUntouched();
}, 30_000);

describe('what is planted', () => {
  test.each([
    '../outside/mine',
    '..',
    '/etc/passwd',
    'a/../../outside/mine',
    './a',
    'a//b',
    'a\\..\\b',
    '.storage/work/x',
    '@tenant/x',
  ])('as the key %j is refused by the plain layout, which names the other', async (key) => {
    for (const work of [backend.records.store(key, 1), backend.records.retrieve(key), backend.records.delete(key)])
      await expect(work).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining("layout 'safe'"),
      });
    expectUntouched();
    await using safe = createFilesystem({ basePath: join(folder.path, 'safe'), layout: 'safe' });
    await safe.open();
    await safe.records.store(key, 1);
    expect((await safe.records.retrieve(key))?.data).toBe(1);
    expect(readdirSync(folder.path).sort()).toEqual(['base', 'outside', 'safe']);
  });

  test('a pipe in the place of a record does not hold a call up', async () => {
    const made = spawn('mkfifo', [join(base, 'pipe')]);
    await new Promise((resolve) => made.once('close', resolve));
    await expectRefused(backend.records.retrieve('pipe'));
    await expectRefused(backend.records.store('pipe', 1));
    expect((await backend.records.list()).items).toEqual([]);
  });

  test('a sidecar that speaks of a place outside moves nobody there', async () => {
    await backend.records.store('k', 1, { metadata: { a: 1 }, ttlMs: 1000 });
    const meta = join(base, '.storage', 'meta');
    const [name = ''] = readdirSync(meta);
    const text = readFileSync(join(meta, name), 'utf8');
    for (const [namespace, key] of [
      ['../../..', 'outside/secret.json'],
      ['', '../outside/secret.json'],
    ])
      writeFileSync(
        join(meta, `${name.slice(0, -1)}${key?.length}`),
        text
          .replace('"namespace":""', JSON.stringify({ namespace }).slice(1, -1))
          .replace('"key":"k"', JSON.stringify({ key }).slice(1, -1)),
      );
    await backend.sweep();
    expectUntouched();
  });

  test('a lock that names files outside removes none', async () => {
    await backend.records.store('k', 1, { metadata: { a: 1 } });
    const [name = ''] = readdirSync(join(base, '.storage', 'meta'));
    writeFileSync(join(base, '.storage', 'locks', `${name}.lock`), '../../../outside/secret.json');
    await using other = createFilesystem({ basePath: base, lockTimeoutMs: 50 });
    await other.open();
    await expect(other.records.store('k', 2)).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      applied: 'no',
    });
    expectUntouched();
  });

  test('a hard link keeps its other name’s content when the record is stored anew', async () => {
    linkSync(join(outside, 'secret.json'), join(base, 'linked.json'));
    await backend.records.store('linked.json', 'mine');
    expectUntouched();
  });
});

describe.each([
  ['anchored', true],
  ['checked', false],
] as const)('folders that are %s', (_name, anchored) => {
  test('follow no link, whenever it is put there', () => {
    const real = mkdtempSync(join(folder.path, 'folders-'));
    const folders = openFolders(real, anchored);
    const used = folders.use(['a', 'b'], true);
    writeFileSync(used.path('file'), 'inside');
    expect(readFileSync(join(real, 'a', 'b', 'file'), 'utf8')).toBe('inside');
    renameSync(join(real, 'a'), join(real, 'moved'));
    symlinkSync(outside, join(real, 'a'));
    mkdirSync(join(outside, 'b'));
    expect(used.isThere()).toBe(false);
    // Either the folder that was opened, or a refusal; never the one that the link leads to.
    try {
      writeFileSync(used.path('file2'), 'inside');
    } catch (error) {
      expect(isStorageError(error, 'permission_denied')).toBe(true);
    }
    expect(readdirSync(join(outside, 'b'))).toEqual([]);
    expect(() => folders.use(['a', 'b'], true)).toThrow(expect.objectContaining({ code: 'permission_denied' }));
    expect(() => folders.use(['a', 'b'], false)).toThrow(expect.objectContaining({ code: 'permission_denied' }));
    rmSync(join(real, 'a'));
    expect(folders.use(['a'], false)).toBeUndefined();
    folders.use(['c', 'd'], true).release();
    folders.prune(['c', 'd']);
    expect(readdirSync(real)).toEqual(['moved']);
    folders.assertBase();
    rmSync(real, { recursive: true });
    expect(() => folders.assertBase()).toThrow(expect.objectContaining({ code: 'unavailable' }));
    used.release();
    folders.close();
  });
});
