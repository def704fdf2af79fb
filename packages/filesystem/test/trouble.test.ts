import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { filesystemTranslator } from '../src/filesystem-errors.ts';
import { createFilesystem } from '../src/index.ts';
import { run, type Scratch, scratch } from './support.ts';

let folder: Scratch;
let base: string;
beforeEach(() => {
  folder = scratch();
  base = join(folder.path, 'data');
});
afterEach(() => folder[Symbol.dispose]());

/** Runs calls in a process of its own and answers what each came to. */
async function outcomes(body: string, options: Parameters<typeof run>[1]): Promise<unknown[]> {
  const program = run(
    `
    const outcomes = [];
    const tried = async (work) => {
      try { outcomes.push({ answered: await work() ?? null }); }
      catch (error) { outcomes.push({ code: error.code, applied: error.applied, retryable: error.retryable, message: error.message, details: error.details }); }
    };
    const backend = createFilesystem({ basePath: ${JSON.stringify(base)} });
    const { records } = backend;
    ${body}
    await backend.close();
    process.stdout.write(JSON.stringify(outcomes));`,
    options,
  );
  expect(await program.ended).toBe(0);
  return JSON.parse(program.output()) as unknown[];
}

/** Nothing of an unfinished write is left. */
function expectNoLeftovers(): void {
  const left = ['work', 'locks'].flatMap((name) => readdirSync(join(base, '.storage', name)));
  expect(left.filter((name) => !name.endsWith('.owner'))).toEqual([]);
}

describe('basePath', () => {
  test('that is missing is not_found when autoCreate is off', async () => {
    await using backend = createFilesystem({ basePath: base, autoCreate: false });
    await expect(backend.open()).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('autoCreate'),
      details: { path: 'basePath' },
    });
    mkdirSync(base);
    await backend.open();
    await backend.records.store('k', 1);
  });

  test.each(['data', 'data/below'])('that is a file, or below one, is invalid_argument: %s', async (path) => {
    writeFileSync(base, 'a file');
    for (const autoCreate of [true, false]) {
      await using backend = createFilesystem({ basePath: join(folder.path, path), autoCreate });
      await expect(backend.open()).rejects.toMatchObject({ code: 'invalid_argument', details: { path: 'basePath' } });
    }
    expect(readFileSync(base, 'utf8')).toBe('a file');
  });

  test.each([
    [{ basePath: '' }, 'basePath'],
    [{ basePath: 'a\0b' }, 'basePath'],
    [{ layout: 'flat' }, 'layout'],
    [{ autoCreate: 'yes' }, 'autoCreate'],
    [{ prettyJson: 1 }, 'prettyJson'],
    [{ fsync: null }, 'fsync'],
    [{ maxValueBytes: 0 }, 'maxValueBytes'],
    [{ scanLimit: 1.5 }, 'scanLimit'],
    [{ cacheBytes: -1 }, 'cacheBytes'],
    [{ lockTimeoutMs: Number.NaN }, 'lockTimeoutMs'],
  ])('and the other options are checked: %j', (options, path) => {
    expect(() => createFilesystem(options as object)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { path } }),
    );
  });

  test('that goes away while it is open is an outage, not a miss', async () => {
    await using backend = createFilesystem({ basePath: base });
    await backend.open();
    await backend.records.store('a/k', 1);
    renameSync(base, `${base}-away`);
    mkdirSync(base);
    for (const work of [
      () => backend.records.retrieve('none'),
      () => backend.records.exists('a/none'),
      () => backend.records.list({ prefix: 'none/' }),
      () => backend.records.retrieve('none/none'),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('basePath') });
    expect((await backend.health()).status).toBe('unhealthy');
    rmSync(base, { recursive: true });
    renameSync(`${base}-away`, base);
    expect((await backend.records.retrieve('a/k'))?.data).toBe(1);
    expect(await backend.health()).toMatchObject({ status: 'healthy', details: { basePath: base } });
  });
});

describe('a folder that this process may only read', () => {
  test('is read; writes are permission_denied and name basePath', async () => {
    await using backend = createFilesystem({ basePath: base });
    await backend.open();
    await backend.records.store('k', 1, { metadata: { a: 1 } });
    // The rights of the user who runs the tests do not matter: root has all of them.
    const asUser = process.getuid?.() === 0 ? 65_534 : undefined;
    chmodSync(folder.path, 0o755);
    const shut = ['', '.storage', '.storage/work', '.storage/locks', '.storage/meta'].map((name) => join(base, name));
    for (const path of shut) chmodSync(path, 0o555);
    try {
      const seen = await outcomes(
        `await tried(() => backend.open());
         await tried(async () => (await records.retrieve('k')).metadata);
         await tried(() => records.store('k', 2));
         await tried(() => records.store('new/k', 2, { metadata: { a: 1 } }));
         await tried(() => records.delete('k'));
         await tried(() => records.touch('k', { ttlMs: 1000 }));`,
        { ...(asUser !== undefined && { asUser }) },
      );
      const refused = { code: 'permission_denied', applied: 'no', message: expect.stringContaining('basePath') };
      expect(seen).toMatchObject([{ answered: null }, { answered: { a: 1 } }, refused, refused, refused, refused]);
    } finally {
      for (const path of shut) chmodSync(path, 0o755);
    }
    expect((await backend.records.retrieve('k'))?.data).toBe(1);
    expectNoLeftovers();
  }, 30_000);
});

describe('limits of the process', () => {
  test('a file over `ulimit -f` is quota_exceeded, and the old record stays', async () => {
    const seen = await outcomes(
      `await backend.open();
       const large = 'x'.repeat(1024 * 1024);
       await tried(() => records.store('k', 'old', { metadata: { a: 1 } }).then(() => 'stored'));
       await tried(() => records.store('k', large));
       await tried(() => records.store('k', Buffer.alloc(1024 * 1024)));
       await tried(() => records.storeStream('k', (async function* () { for (let n = 0; n < 64; n++) yield Buffer.alloc(65536); })()));
       await tried(() => records.store('k', 1, { metadata: { large: large.slice(0, 1000000) } }));
       await tried(() => records.retrieve('k').then(({ data, metadata }) => [data, metadata]));
       await tried(() => records.count());`,
      { limits: 'ulimit -f 200' },
    );
    const refused = { code: 'quota_exceeded', applied: 'no', message: expect.stringContaining('ulimit -f') };
    expect(seen).toMatchObject([
      { answered: 'stored' },
      ...[refused, refused, refused, refused],
      { answered: ['old', { a: 1 }] },
      { answered: 1 },
    ]);
    expectNoLeftovers();
  }, 30_000);

  test('more calls at once than files can be open are answered, or told to try again', async () => {
    const seen = await outcomes(
      `await backend.open();
       await records.storeMany(Array.from({ length: 300 }, (_, n) => ({ key: 'k' + n, data: n })));
       const { openSync, closeSync } = await import('node:fs');
       const held = [];
       for (let free = 4; ;) { try { held.push(openSync('/dev/null')); } catch { held.splice(0, free).forEach(closeSync); break; } }
       const settled = await Promise.allSettled(Array.from({ length: 300 }, (_, n) => records.retrieve('k' + n)));
       held.forEach((fd) => closeSync(fd));
       const bad = settled.filter((one, n) => one.status === 'rejected'
         ? !(one.reason.code === 'unavailable' && one.reason.retryable && one.reason.message.includes('ulimit -n'))
         : one.value?.data !== n);
       outcomes.push(settled.filter(({ status }) => status === 'rejected').length > 0, bad.map(String));
       outcomes.push((await Promise.all(Array.from({ length: 300 }, (_, n) => records.exists('k' + n)))).every(Boolean));`,
      { limits: 'ulimit -n 96' },
    );
    expect(seen).toEqual([true, [], true]);
  }, 30_000);
});

/** A disk of 400 KiB that only a program of its own sees, where this system lets the tests mount one. */
const small = 'mount -t tmpfs -o size=400k tmpfs "$0"';
const canMount = spawnSync('unshare', ['-m', 'sh', '-c', small, tmpdir()]).status === 0;

describe(
  canMount ? 'a disk of 400 KiB' : 'a disk of 400 KiB, which can not be mounted here: what Node says of one',
  () => {
    const full = { code: 'quota_exceeded', applied: 'no', message: expect.stringContaining('full') };
    const readOnly = { code: 'permission_denied', applied: 'no', message: expect.stringContaining('read-only') };

    test('that is full is quota_exceeded, and one that is mounted read-only permission_denied; the old record stays', async () => {
      if (!canMount) {
        const told = (code: string) =>
          filesystemTranslator(base)({ code }, { operation: 'records.store', key: 'k', write: true });
        expect([told('ENOSPC'), told('EROFS')]).toMatchObject([full, readOnly]);
        return;
      }
      mkdirSync(base);
      const seen = await outcomes(
        `const { execFileSync } = await import('node:child_process');
       const { readdirSync } = await import('node:fs');
       const mount = (...args) => execFileSync('mount', args);
       mount('-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', ${JSON.stringify(base)});
       await backend.open();
       await tried(() => records.store('k', 'old', { metadata: { a: 1 } }).then(() => 'stored'));
       await tried(() => records.store('k', 'x'.repeat(1024 * 1024)));
       await tried(() => records.storeStream('k', (async function* () { for (let n = 0; n < 64; n++) yield Buffer.alloc(65536); })()));
       await tried(() => records.store('k', 1, { metadata: { large: 'x'.repeat(900000) } }));
       await tried(() => records.retrieve('k').then(({ data, metadata }) => [data, metadata]));
       outcomes.push(readdirSync(${JSON.stringify(join(base, '.storage', 'work'))}).filter((name) => !name.endsWith('.owner')));
       mount('-o', 'remount,ro', ${JSON.stringify(base)});
       await tried(() => records.store('k', 'new'));
       await tried(() => records.delete('k'));
       await tried(() => records.retrieve('k').then(({ data }) => data));`,
        { limits: 'exec unshare -m "$@"' },
      );
      expect(seen).toMatchObject([
        { answered: 'stored' },
        ...[full, full, full],
        { answered: ['old', { a: 1 }] },
        [],
        ...[readOnly, readOnly],
        { answered: 'old' },
      ]);
    }, 30_000);
  },
);

// What can't be had on every machine is told by Node in these words.
test.each([
  ['EACCES', 'permission_denied', 'basePath'],
  ['EPERM', 'permission_denied', 'basePath'],
  ['EROFS', 'permission_denied', 'read-only'],
  ['ELOOP', 'permission_denied', 'symbolic link'],
  ['ENOSPC', 'quota_exceeded', 'full'],
  ['EDQUOT', 'quota_exceeded', 'share'],
  ['EFBIG', 'quota_exceeded', 'ulimit -f'],
  ['EMFILE', 'unavailable', 'ulimit -n'],
  ['ENFILE', 'unavailable', 'ulimit -n'],
  ['ENAMETOOLONG', 'invalid_argument', "layout 'safe'"],
  ['EXDEV', 'unsupported', 'mount'],
  ['EIO', 'unavailable', 'check the disk'],
  ['EWHAT', 'internal', 'EWHAT'],
])('%s of the system is %s', (errno, code, words) => {
  const native = Object.assign(new Error('private/path and all'), { code: errno });
  const error = filesystemTranslator('./data')(native, { operation: 'records.store', key: 'k', write: true });
  expect(error).toMatchObject({ code, message: expect.stringContaining(words), cause: native });
  expect(error.message).not.toContain('private');
});
