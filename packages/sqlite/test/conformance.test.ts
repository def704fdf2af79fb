import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import Database from 'better-sqlite3';
import { createSqlite } from '../src/index.ts';

const paths = new WeakMap<Backend, string>();

function openedAt(path: string, clock: (() => number) | undefined): Backend {
  const backend = createSqlite({ path, clock });
  paths.set(backend, path);
  return backend;
}

function pathOf(backend: Backend): string {
  const path = paths.get(backend);
  if (path === undefined) throw new Error('The kit handed over a backend that it was not given.');
  return path;
}

function sqliteVersion(): string {
  const database = new Database(':memory:');
  const version = database.prepare<[], string>('SELECT sqlite_version()').pluck().get();
  database.close();
  return String(version);
}

const server = { name: 'SQLite', version: sqliteVersion(), how: 'embedded' };
const runner = { describe, it, before: beforeAll, after: afterAll };

runConformance({
  runner,
  name: 'sqlite',
  server,
  clock: true,
  create: ({ clock }) => openedAt(join(mkdtempSync(join(tmpdir(), 'conformance-')), 'store.sqlite'), clock),
  reopen: (backend, { clock }) => openedAt(pathOf(backend), clock),
  destroy: (backend) => rmSync(dirname(pathOf(backend)), { recursive: true, force: true }),
});

runConformance({
  runner,
  name: 'sqlite-in-memory',
  server,
  clock: true,
  create: ({ clock }) => createSqlite({ path: ':memory:', clock }),
});
