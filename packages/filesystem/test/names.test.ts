import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { unboundedCall, type WriteHead } from '@storage/backend-kit';
import { RecordChanges } from '../src/filesystem-changes.ts';
import { type Folder, type Folders, openFolders } from '../src/filesystem-folders.ts';
import { pathLayout } from '../src/filesystem-layout.ts';
import { Locks } from '../src/filesystem-locks.ts';
import { assertFineTimes, probeNames } from '../src/filesystem-names.ts';
import { newOwner } from '../src/filesystem-owner.ts';
import { Staging } from '../src/filesystem-staging.ts';
import { RecordFiles } from '../src/filesystem-store.ts';
import { type Scratch, scratch } from './support.ts';

/** A disk that takes names for others: what a case-insensitive one, or one that writes Unicode in its own way, does. */
class OtherNames implements Folders {
  readonly #inner: Folders;
  readonly #change: (name: string) => string;

  constructor(inner: Folders, change: (name: string) => string) {
    this.#inner = inner;
    this.#change = change;
  }

  use(segments: readonly string[], create: false): Folder | undefined;
  use(segments: readonly string[], create: true): Folder;
  use(segments: readonly string[], create: boolean): Folder | undefined;
  use(segments: readonly string[], create: boolean): Folder | undefined {
    const folder = this.#inner.use(segments.map(this.#change), create);
    return (
      folder && {
        fd: folder.fd,
        path: (name) => folder.path(this.#change(name)),
        isThere: () => folder.isThere(),
        release: () => folder.release(),
      }
    );
  }

  prune(segments: readonly string[]): void {
    this.#inner.prune(segments.map(this.#change));
  }

  assertBase(): void {
    this.#inner.assertBase();
  }

  close(): void {
    this.#inner.close();
  }
}

let folder: Scratch;
let inner: Folders;
beforeEach(() => {
  folder = scratch();
  inner = openFolders(folder.path);
});
afterEach(() => {
  inner.close();
  folder[Symbol.dispose]();
});

const head = (key: string): WriteHead => ({
  key,
  kind: 'json',
  contentType: 'application/json',
  metadata: '{}',
  etag: 'e',
  ttlMs: null,
  condition: undefined,
});

async function onDisk(change: (name: string) => string) {
  const folders = new OtherNames(inner, change);
  const owner = newOwner();
  const names = await probeNames(folders, owner, true);
  const files = new RecordFiles(folders, pathLayout('plain'), names, Date.now);
  const staging = new Staging(folders, owner, false, Date.now);
  const changes = new RecordChanges(files, staging, new Locks(folders, owner, 1000));
  const store = async (key: string): Promise<void> => {
    const target = files.target('', key);
    const staged = await staging.stage(target.id, [Buffer.from('1')]);
    await changes.publish(target, head(key), staged, unboundedCall);
  };
  const isThere = async (key: string): Promise<boolean> => (await files.look(files.target('', key))) !== undefined;
  const remove = (key: string): Promise<boolean> => changes.remove(files.target('', key), {}, unboundedCall);
  return { names, store, isThere, remove };
}

test('a disk that tells all names apart is seen to do so', async () => {
  expect((await onDisk((name) => name)).names).toEqual({ exact: true, kept: true });
  expect(readdirSync(join(folder.path, '.storage', 'work'))).toEqual([]);
});

test('on a disk that does not tell case apart a key never stands for another', async () => {
  const disk = await onDisk((name) => name.toLowerCase());
  expect(disk.names.exact).toBe(false);
  await disk.store('dir/readme');
  expect(await disk.isThere('dir/readme')).toBe(true);
  for (const key of ['dir/README', 'Dir/readme']) {
    expect(await disk.isThere(key)).toBe(false);
    await expect(disk.store(key)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining("layout 'safe'"),
    });
    expect(await disk.remove(key)).toBe(false);
  }
  expect(await disk.isThere('dir/readme')).toBe(true);
  expect(await disk.remove('dir/readme')).toBe(true);
});

test('on a disk that writes letters in its own way, keys with such letters are refused', async () => {
  const disk = await onDisk((name) => name.normalize('NFD'));
  expect(disk.names).toEqual({ exact: false, kept: false });
  await disk.store('plain');
  expect(await disk.isThere('plain')).toBe(true);
  writeFileSync(join(folder.path, 'e\u0301'), '1');
  await expect(disk.store('\u00e9')).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(disk.isThere('\u00e9')).rejects.toThrow("layout 'safe'");
});

test('a disk that keeps times in whole seconds, or hundredths, is refused', () => {
  assertFineTimes(1_700_000_000_123_456_400n);
  for (const kept of [1_700_000_000_000_000_000n, 1_700_000_000_120_000_000n])
    expect(() => assertFineTimes(kept)).toThrow(expect.objectContaining({ code: 'unsupported' }));
});
