import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { claim, createCache, homeFolder } from '../src/home.ts';
import { pinned } from '../src/install.ts';
import { freshHome } from './support.ts';

const cache = createCache(() => undefined);

test('an install is built once, whoever asks', async () => {
  await using _home = await freshHome({ cache: false });
  let built = 0;
  const build = async (folder: string): Promise<void> => {
    built++;
    await writeFile(join(folder, 'program'), 'x');
  };
  const folders = await Promise.all([cache.folder('tool-1', build), cache.folder('tool-1', build)]);
  folders.push(await cache.folder('tool-1', build));
  expect(new Set(folders).size).toBe(1);
  expect(built).toBe(1);
  expect(await readFile(join(folders[0] ?? '', 'program'), 'utf8')).toBe('x');
});

test('an install that fails leaves nothing, and is tried again', async () => {
  await using _home = await freshHome({ cache: false });
  const failing = cache.folder('tool-1', async (folder) => {
    await writeFile(join(folder, 'half'), 'x');
    throw new Error('no space left');
  });
  await expect(failing).rejects.toThrow('no space left');
  expect(await readdir(await homeFolder('cache'))).toEqual([]);
  await cache.folder('tool-1', (folder) => writeFile(join(folder, 'whole'), 'x'));
  expect(await readdir(await homeFolder('cache'))).toEqual(['tool-1']);
});

test('of two processes that install at once, the folder of the first stays', async () => {
  await using _home = await freshHome({ cache: false });
  const folder = await homeFolder('cache');
  for (const name of ['first', 'second']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'from'), name);
  }
  expect(await claim(join(folder, 'first'), join(folder, 'tool'))).toBe(true);
  expect(await claim(join(folder, 'second'), join(folder, 'tool'))).toBe(false);
  expect(await readFile(join(folder, 'tool', 'from'), 'utf8')).toBe('first');
});

test('another pin is another folder', () => {
  expect(pinned('redis', 'a==1 --hash=sha256:1')).not.toBe(pinned('redis', 'a==1 --hash=sha256:2'));
});
