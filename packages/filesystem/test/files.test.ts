import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createFilesystem, type FilesystemBackend, type FilesystemOptions } from '../src/index.ts';
import { type Scratch, scratch } from './support.ts';

let folder: Scratch;
let base: string;
const opened: FilesystemBackend[] = [];

async function open(options: FilesystemOptions = {}): Promise<FilesystemBackend> {
  const backend = createFilesystem({ basePath: base, ...options });
  opened.push(backend);
  await backend.open();
  return backend;
}

beforeEach(() => {
  folder = scratch();
  base = join(folder.path, 'data');
});
afterEach(async () => {
  for (const backend of opened.splice(0)) await backend.close();
  folder[Symbol.dispose]();
});

/** Names of sidecars. */
function sidecars(): string[] {
  const meta = join(base, '.storage', 'meta');
  return existsSync(meta) ? readdirSync(meta) : [];
}

const file = (name: string): string => join(base, name);

describe('a record of the plain layout', () => {
  test('is a file of its name with plain JSON in it, and nothing beside it', async () => {
    const { records } = await open();
    await records.store('greeting.json', { content: 'Hello, World!' });
    expect(readFileSync(file('greeting.json'), 'utf8')).toBe('{\n  "content": "Hello, World!"\n}');
    await records.store('reports/2024/may', [1, 2]);
    expect(JSON.parse(readFileSync(file('reports/2024/may'), 'utf8'))).toEqual([1, 2]);
    await records.store('notes.txt', Buffer.from('plain text'));
    expect(readFileSync(file('notes.txt'), 'utf8')).toBe('plain text');
    expect(readdirSync(base).sort()).toEqual(['.storage', 'greeting.json', 'notes.txt', 'reports']);
    expect(sidecars()).toEqual([]);
  });

  test('is one line without prettyJson', async () => {
    const { records } = await open({ prettyJson: false });
    await records.store('greeting.json', { content: 'Hello, World!' });
    expect(readFileSync(file('greeting.json'), 'utf8')).toBe('{"content":"Hello, World!"}');
  });

  test('of a namespace is in a folder that no key can have', async () => {
    const { records } = await open();
    await records.namespace('acme').store('a.json', 1);
    await records.namespace('acme').namespace('sub').store('a.json', 2);
    await records.namespace('../Über uns').store('a.json', 3);
    expect(readFileSync(file('@acme/a.json'), 'utf8')).toBe('1');
    expect(readFileSync(file('@acme/@sub/a.json'), 'utf8')).toBe('2');
    expect((await records.namespaces()).items).toEqual(['../Über uns', 'acme']);
    for (const name of readdirSync(base)) expect(name).toMatch(/^(\.storage|@[a-z0-9-]+)$/);
    await records.dropNamespace({ recursive: true });
    expect(readdirSync(base)).toEqual(['.storage']);
  });

  test('has a sidecar only while there is something to keep', async () => {
    const { records } = await open();
    await records.store('k.json', 1, { metadata: { by: 'me' }, ttlMs: 60_000 });
    expect(sidecars()).toHaveLength(1);
    expect(await records.retrieve('k.json')).toMatchObject({ data: 1, metadata: { by: 'me' } });
    await records.store('k.json', 2);
    expect(sidecars()).toEqual([]);
    await records.touch('k.json', { ttlMs: 60_000 });
    expect(sidecars()).toHaveLength(1);
    await records.delete('k.json');
    expect(sidecars()).toEqual([]);
    await records.store('bytes-that-look-like-json', Buffer.from('123'));
    await records.store('json.txt', { a: 1 });
    expect(sidecars()).toHaveLength(2);
    expect((await records.retrieve('bytes-that-look-like-json'))?.kind).toBe('bytes');
    expect((await records.retrieve('json.txt'))?.data).toEqual({ a: 1 });
  });

  test('can’t be the folder of another, either way round, and says so', async () => {
    const { records } = await open();
    await records.store('a/b', 1);
    await records.store('c', 1);
    for (const key of ['a', 'c/d', 'c/d/e'])
      await expect(records.store(key, 1)).rejects.toMatchObject({
        code: 'invalid_argument',
        applied: 'no',
        details: { path: 'key', layout: 'plain' },
        message: expect.stringContaining("layout 'safe'"),
      });
    expect(await records.retrieve('a')).toBeUndefined();
    expect(await records.exists('c/d')).toBe(false);
    expect(await records.delete('c/d')).toBe(false);
    // An empty folder is in nobody's way.
    await records.delete('a/b');
    await records.store('a', 2);
    mkdirSync(file('empty'));
    await records.store('empty', 3);
    expect((await records.list()).items.map(({ key }) => key)).toEqual(['a', 'c', 'empty']);
  });

  test('refuses a part of over 255 bytes, naming the other layout', async () => {
    const { records } = await open();
    await records.store('x'.repeat(255), 1);
    await expect(records.store('x'.repeat(256), 1)).rejects.toThrow("layout 'safe'");
    await expect(records.retrieve(`a/${'é'.repeat(128)}`)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

test('the safe layout has names of small letters and digits alone', async () => {
  const { records } = await open({ layout: 'safe' });
  for (const key of ['A', 'a', 'a/b', 'a//b', '..', 'CON', 'é', 'x'.repeat(512)]) await records.store(key, key);
  await records.namespace('Ä/b').store('k', 1);
  const names = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name, ...names(join(path, entry.name))] : [entry.name],
    );
  rmSync(file('.storage'), { recursive: true });
  for (const name of names(base)) expect(name).toMatch(/^(-[0-9a-v]+|[0-9a-v]{200}~|[0-9a-v]+\.rec)$/);
});

describe('a file that somebody else', () => {
  test('writes, changes or removes is read as it is', async () => {
    const { records } = await open();
    mkdirSync(file('made'), { recursive: true });
    writeFileSync(file('made/by-hand.json'), '{ "a" : 1 }\n');
    const first = await records.retrieve('made/by-hand.json');
    expect(first).toMatchObject({
      data: { a: 1 },
      kind: 'json',
      size: 12,
      metadata: {},
      contentType: 'application/json',
    });
    expect((await records.retrieveText('made/by-hand.json'))?.data).toBe('{ "a" : 1 }\n');
    expect(await records.count({ filter: { 'data.a': 1 } })).toBe(1);

    await records.store('made/by-hand.json', { a: 2 }, { metadata: { by: 'us' }, ttlMs: 60_000 });
    const ours = await records.retrieve('made/by-hand.json');
    expect(ours).toMatchObject({ data: { a: 2 }, metadata: { by: 'us' } });
    writeFileSync(file('made/by-hand.json'), '{"a":3}');
    const theirs = await records.retrieve('made/by-hand.json');
    expect(theirs).toMatchObject({ data: { a: 3 }, metadata: {} });
    expect(theirs?.expiresAt).toBeUndefined();
    expect(theirs?.etag).not.toBe(ours?.etag);
    await expect(records.store('made/by-hand.json', 0, { ifMatch: ours?.etag ?? '' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await records.store('made/by-hand.json', { a: 4 }, { ifMatch: theirs?.etag ?? '' });

    rmSync(file('made/by-hand.json'));
    expect(await records.retrieve('made/by-hand.json')).toBeUndefined();
    expect((await records.list()).items).toEqual([]);
  });

  test('changes under our eyes is never served from what was read before', async () => {
    const { records } = await open();
    await records.store('k.json', { n: 0 });
    // Long enough ago that it is kept in memory when it is read.
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (let n = 0; n < 3; n++) expect((await records.retrieve('k.json'))?.data).toEqual({ n: 0 });
    const { mtime } = statSync(file('k.json'));
    const text = readFileSync(file('k.json'), 'utf8').replace('0', '1');
    writeFileSync(file('k.json'), text);
    utimesSync(file('k.json'), mtime, mtime);
    expect((await records.retrieve('k.json'))?.data).toEqual({ n: 1 });
    writeFileSync(file('other'), text.replace('1', '2'));
    utimesSync(file('other'), mtime, mtime);
    renameSync(file('other'), file('k.json'));
    expect((await records.retrieve('k.json'))?.data).toEqual({ n: 2 });
  });

  test.each([
    ['JSON that does not parse', 'broken.json', '{"a":1,', 'bytes'],
    ['JSON without an extension', 'record', '[1]', 'json'],
    ['text', 'readme.md', '# 1', 'bytes'],
    ['text that looks like JSON', 'number.txt', '1', 'bytes'],
    ['nothing', 'empty.json', '', 'bytes'],
    ['no UTF-8', 'latin.json', Buffer.from([0x22, 0xe9, 0x22]), 'bytes'],
    ['a megabyte of JSON', 'large.json', JSON.stringify(Array.from({ length: 200_000 }, (_, n) => n)), 'json'],
  ])('made of %s has its kind', async (_what, key, content, kind) => {
    const { records } = await open();
    mkdirSync(base, { recursive: true });
    writeFileSync(file(key), content);
    expect((await records.retrieve(key))?.kind).toBe(kind);
    expect((await records.list({ include: 'info' })).items[0]?.info?.kind).toBe(kind);
    const stream = await records.retrieveStream(key);
    expect(stream?.kind).toBe(kind);
    const parts: Uint8Array[] = [];
    for await (const part of stream?.data ?? []) parts.push(part);
    expect(Buffer.concat(parts).equals(Buffer.from(content))).toBe(true);
  });

  test('puts beside ours under names that are no keys is left alone', async () => {
    const { records } = await open();
    await records.store('k', 1);
    writeFileSync(file('@file'), 'x');
    writeFileSync(file('back\\slash'), 'x');
    mkdirSync(file('@Not a namespace/deep'), { recursive: true });
    writeFileSync(file('@Not a namespace/deep/x'), 'x');
    expect((await records.list()).items.map(({ key }) => key)).toEqual(['k']);
    expect((await records.namespaces({ recursive: true })).items).toEqual([]);
    await records.deleteWhere({});
    expect(readdirSync(base).sort()).toEqual(['.storage', '@Not a namespace', '@file', 'back\\slash']);
  });

  test('restores with its times keeps what was written down of it', async () => {
    const first = await open();
    const { etag } = await first.records.store('k.json', 1, { metadata: { by: 'me' } });
    await first.close();
    execFileSync('cp', ['-a', base, join(folder.path, 'copy')]);
    const second = await open({ basePath: join(folder.path, 'copy') });
    expect(await second.records.retrieve('k.json')).toMatchObject({ data: 1, metadata: { by: 'me' }, etag });
  });
});

test('a stream whose file is replaced before it is read, or written into meanwhile, says so', async () => {
  const { records } = await open();
  const bytes = Buffer.alloc(300_000, 7);
  await records.store('k.bin', bytes);
  const early = await records.retrieveStream('k.bin');
  await records.store('k.bin', Buffer.alloc(300_000, 8));
  await expect(early?.data[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'conflict' });

  const late = (await records.retrieveStream('k.bin'))?.data[Symbol.asyncIterator]();
  await late?.next();
  writeFileSync(file('k.bin'), Buffer.alloc(300_000, 9));
  await expect(late?.next()).rejects.toMatchObject({ code: 'conflict' });
});

test('expired records are swept behind writes, without a timer', async () => {
  let now = Date.now();
  const { records } = await open({ clock: () => now });
  for (let n = 0; n < 20; n++) await records.store(`short/${n}`, n, { ttlMs: 1000 });
  await records.store('long', 1, { ttlMs: 100_000 });
  now += 2000;
  expect(readdirSync(file('short'))).toHaveLength(20);
  await records.storeMany(Array.from({ length: 300 }, (_, n) => ({ key: `k${n}`, data: n })));
  const patience = Date.now() + 10_000;
  while (existsSync(file('short')) && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(existsSync(file('short'))).toBe(false);
  expect(sidecars()).toHaveLength(1);
  expect((await records.retrieve('long'))?.data).toBe(1);
}, 30_000);

test('with fsync everything is written through, sidecars and folders too', async () => {
  const { records } = await open({ fsync: true });
  await records.store('a/b/k.json', { n: 1 }, { metadata: { by: 'me' } });
  await records.storeStream(
    'a/s.bin',
    (async function* () {
      yield Buffer.from('12');
      yield Buffer.from('3');
    })(),
  );
  await records.touch('a/s.bin', { ttlMs: 60_000 });
  expect(await records.retrieve('a/b/k.json')).toMatchObject({ data: { n: 1 }, metadata: { by: 'me' } });
  expect(readFileSync(file('a/s.bin'), 'utf8')).toBe('123');
  expect(await records.delete('a/b/k.json')).toBe(true);
  expect(readdirSync(file('a'))).toEqual(['s.bin']);
});
