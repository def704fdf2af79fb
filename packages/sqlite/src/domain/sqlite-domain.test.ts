import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FacetToken } from '@storage/core';
import { artifactsFacet, conversationsFacet, keyValueFacet, metricsFacet, stateFacet } from '@storage/domain';
import Database from 'better-sqlite3';
import { createSqlite, type SqliteBackend } from '../index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sqlite-domain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let file = 0;
let path = '';
let now = 0;
let backend: SqliteBackend;

/** A store of a backend; the tests are about those that are there. */
function store<T>(token: FacetToken<T>): T {
  const found = backend.facet(token);
  if (found === undefined) throw new Error(`There is no ${token.id}.`);
  return found;
}

beforeEach(async () => {
  path = join(folder, `${++file}.db`);
  now = Date.parse('2026-01-01T00:00:00Z');
  backend = createSqlite({ path, clock: () => now });
  await backend.open();
});
afterEach(() => backend.close());

test('capabilities name the stores that are there', () => {
  const facets = [artifactsFacet, conversationsFacet, keyValueFacet, metricsFacet, stateFacet];
  expect(backend.capabilities.facets).toEqual(facets.map(({ id }) => id));
  expect(facets.every((token: FacetToken<unknown>) => backend.facet(token) !== undefined)).toBe(true);
  expect(backend.facet(stateFacet)).toBe(backend.facet(stateFacet));
});

describe('writes', () => {
  test('of one turn share a transaction, and fail for themselves', async () => {
    const conversations = store(conversationsFacet);
    const all = await Promise.allSettled([
      conversations.create({ id: 'a' }),
      conversations.append({ conversationId: 'a', role: 'user', content: 'one' }),
      conversations.create({ id: 'a' }),
      conversations.append({ conversationId: 'b', role: 'user', content: 'none' }),
      conversations.append({ conversationId: 'a', role: 'user', content: 'two' }),
    ]);
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(all.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))).toEqual([
      'already_exists',
      'not_found',
    ]);
    expect((await conversations.history('a')).items.map(({ sequence, content }) => [sequence, content.value])).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
  });

  test('that the engine refuses take no other with them', async () => {
    const other = new Database(path);
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON storage_conversations WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    other.close();
    const conversations = store(conversationsFacet);
    const all = await Promise.allSettled(['good', 'bad', 'fine'].map((id) => conversations.create({ id })));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await conversations.get('bad')).toBeUndefined();
    expect(await conversations.get('fine')).toMatchObject({ id: 'fine' });
  });

  test('that were not awaited are seen by a read that follows', async () => {
    const conversations = store(conversationsFacet);
    const state = store(stateFacet);
    void conversations.create({ id: 'a' });
    void state.put('a', { n: 1 });
    expect((await state.get('a'))?.data.value).toEqual({ n: 1 });
    void conversations.create({ id: 'b' });
    expect((await conversations.list()).items.map(({ id }) => id)).toEqual(['b', 'a']);
  });

  test('wait for another process that holds the file', async () => {
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    const pending = store(conversationsFacet).create({ id: 'late' });
    setTimeout(() => {
      other.exec('COMMIT');
      other.close();
    }, 50);
    expect(await pending).toMatchObject({ id: 'late' });
  });

  test('of two processes give each message a place of its own', async () => {
    const other = createSqlite({ path });
    await other.open();
    const own = store(conversationsFacet);
    const foreign = other.facet(conversationsFacet) ?? own;
    await own.create({ id: 'shared' });
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        (i % 2 ? own : foreign).append({ conversationId: 'shared', role: 'user', content: 'x' }),
      ),
    );
    const { items } = await store(conversationsFacet).history('shared', { limit: 1000 });
    expect(items.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    await other.close();
  });
});

test('reads of one turn answer as reads alone do', async () => {
  const kv = store(keyValueFacet);
  await Promise.all(['a', 'b', 'c'].map((key) => kv.set(key, key)));
  const all = await Promise.allSettled([
    kv.entry('a'),
    kv.entry(''),
    kv.entry('c'),
    kv.entry('x'),
    kv.entry('b', { signal: AbortSignal.abort() }),
  ]);
  expect(
    all.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value?.value.value : outcome.reason.code)),
  ).toEqual(['a', 'invalid_argument', 'c', undefined, 'aborted']);
});

describe('key-values', () => {
  test('remember when they were read over a close', async () => {
    const kv = store(keyValueFacet);
    await kv.set('k', 1);
    now += 5000;
    expect((await kv.entry('k'))?.accessedAt.getTime()).toBe(now);
    await backend.close();
    const file = new Database(path, { readonly: true });
    expect(file.prepare('SELECT accessed_at, created_at FROM storage_key_values').get()).toEqual({
      accessed_at: now,
      created_at: now - 5000,
    });
    file.close();
  });

  test('are swept in steps, and only what is expired', async () => {
    const kv = store(keyValueFacet);
    await Promise.all(Array.from({ length: 2500 }, (_, i) => kv.set(`k${i}`, i, { ttlMs: 10 })));
    await kv.set('long', 1, { ttlMs: 11 });
    await kv.set('ever', 1);
    now += 10;
    expect(await kv.entry('k0')).toBeUndefined();
    expect(await kv.delete('k1')).toBe(false);
    expect(await kv.set('k2', 'again', { ifAbsent: true })).toMatchObject({ ttlMs: undefined });
    expect(await kv.sweep()).toBe(2499);
    expect(await kv.sweep()).toBe(0);
    expect(await kv.entry('long')).toMatchObject({ ttlMs: 11 });
    expect(await kv.entry('ever')).toBeDefined();
  });
});

test('a history of any length is appended to and read at its end by the index', async () => {
  const plan = new Database(path, { readonly: true });
  const detail = plan
    .prepare(
      "EXPLAIN QUERY PLAN SELECT * FROM storage_messages WHERE tenant_id = 'default' AND conversation_id = 'a' AND sequence < 9 ORDER BY sequence DESC LIMIT 50",
    )
    .all();
  plan.close();
  expect(JSON.stringify(detail)).toMatch(/SEARCH storage_messages USING INDEX/);
  expect(JSON.stringify(detail)).not.toMatch(/TEMP B-TREE/);
});

test('a store that is not open, or closed, refuses', async () => {
  const fresh = createSqlite({ path: ':memory:' });
  await expect(fresh.facet(stateFacet)?.get('a')).rejects.toMatchObject({ code: 'not_initialized' });
  const state = store(stateFacet);
  await backend.close();
  await expect(state.get('a')).rejects.toMatchObject({ code: 'closed' });
});
