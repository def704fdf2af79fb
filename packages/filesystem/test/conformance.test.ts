import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createFilesystem, type FilesystemLayout } from '../src/index.ts';

const folders = new WeakMap<Backend, string>();
let base = '';
let made = 0;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'storage-filesystem-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** A folder of its own for each backend: only a backend that is opened makes it. */
function run(layout: FilesystemLayout): void {
  runConformance({
    runner: { describe, it, before: beforeAll, after: afterAll },
    name: layout === 'plain' ? 'filesystem' : `filesystem-${layout}`,
    create: (options) => {
      const basePath = join(base, `${layout}-${++made}`);
      // A low limit, for over it the kit stores as many records as it takes to meet it.
      const backend = createFilesystem({ ...options, layout, basePath, scanLimit: 3000 });
      folders.set(backend, basePath);
      return backend;
    },
    reopen: (backend, options) => createFilesystem({ ...options, layout, basePath: folders.get(backend) }),
    destroy: (backend) => rm(folders.get(backend) ?? '', { recursive: true, force: true }),
    clock: true,
    server: { name: 'the disk', version: process.version, how: 'embedded' },
  });
}

run('plain');
run('safe');
