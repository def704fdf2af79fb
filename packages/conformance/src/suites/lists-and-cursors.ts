import type { KeyEntry, ListOptions, Page, RecordStore } from '@storage/core';
import { equal, fail, ok, rejects, sameSet, within } from '../assert.ts';
import { all, lists, queries, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { orderedKeys, pathKeys } from './keys.ts';

/** All pages, one after another. */
async function pages<T>(next: (cursor: string | undefined) => Promise<Page<T>>, most = 200): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < most; page++) {
    const answer = await next(cursor);
    items.push(...answer.items);
    if (answer.cursor === undefined) return items;
    cursor = answer.cursor;
  }
  return fail(`over ${most} pages and no end`);
}

async function listAll(store: RecordStore, options: ListOptions = {}): Promise<string[]> {
  return (await pages<KeyEntry>((cursor) => store.list({ ...options, cursor }))).map((entry) => entry.key);
}

async function fill(store: RecordStore, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `k${String(index).padStart(4, '0')}`);
  await store.storeMany(keys.map((key, index) => ({ key, data: { index, group: index % 3 } })));
  return keys;
}

/** list, count, iterate, and the cursors of list and query. */
export const listsAndCursorsSuite: Suite = defineSuite('lists-and-cursors', store(), (test) => {
  test('lists-nothing', 'an empty store lists nothing and has no cursor', lists, async (t) => {
    const store = await t.store();
    const page = await store.list();
    equal(page.items, [], 'items');
    equal(page.cursor, undefined, 'cursor');
  });

  test('order', 'keys are listed by code point, in pages as at once', lists, async (t) => {
    const store = await t.store();
    const { keys, list } = t.recordFlags;
    const expected = keys === 'any' ? orderedKeys : [...pathKeys].sort();
    for (let index = 0; index < expected.length; index++)
      await store.store(expected[(index * 17) % expected.length] ?? '', 1);
    for (const limit of [undefined, 1, 2, 7]) {
      const listed = await listAll(store, { limit });
      if (list === 'ordered') equal(listed, expected, `keys in pages of ${limit ?? 100}`);
      else sameSet(listed, expected, `keys in pages of ${limit ?? 100}`);
    }
  });

  test(
    'limit',
    'a page has at most its limit, 100 when none is given, and a cursor while there is more',
    lists,
    async (t) => {
      const store = await t.store();
      await fill(store, 150);
      const page = await store.list();
      within(page.items.length, 1, 100, 'items of a page without limit');
      ok(page.cursor !== undefined, 'a cursor, for there is more');
      equal((await listAll(store)).length, 150, 'all pages');
      const whole = await store.list({ limit: 1000 });
      equal(whole.items.length, 150, 'items of a page of at most 1,000');
    },
  );

  test('exact-end', 'the last page has no cursor that leads to items again', lists, async (t) => {
    const store = await t.store();
    const keys = await fill(store, 10);
    for (const limit of [5, 10]) equal(await listAll(store, { limit }), keys, `keys in pages of ${limit}`);
  });

  test('bad-limits', 'a limit that is no whole number from 1 to 1,000 is refused', lists, async (t) => {
    const store = await t.store();
    for (const limit of [0, -1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10' as never]) {
      await rejects(() => store.list({ limit }), 'invalid_argument', `list with limit ${limit}`);
      if (t.recordFlags.query !== 'none')
        await rejects(() => store.query({ limit }), 'invalid_argument', `query with limit ${limit}`);
    }
  });

  test('prefix', 'a prefix is met character by character, wildcards and case included', lists, async (t) => {
    const store = await t.store();
    const keys =
      t.recordFlags.keys === 'any'
        ? [
            'a',
            'A',
            'a%',
            'a%b',
            'a_',
            'a_b',
            'ab',
            'aab',
            'a*',
            'a[b]',
            'a?',
            "a'",
            'a"',
            'a\\',
            'b',
            'é',
            'e',
            '😀',
            '😀x',
            '\u{1f601}',
          ]
        : pathKeys;
    for (const key of keys) await store.store(key, 1);
    for (const prefix of [
      '',
      'a',
      'A',
      'a%',
      'a_',
      'a*',
      'a[',
      'a?',
      "a'",
      'a"',
      'a\\',
      'ab',
      'e',
      'é',
      '😀',
      'dir/',
      'nothing',
    ]) {
      const expected = keys.filter((key) => key.startsWith(prefix));
      sameSet(await listAll(store, { prefix }), expected, `keys with the prefix ${prefix}`);
      sameSet(await listAll(store, { prefix, limit: 2 }), expected, `keys with the prefix ${prefix}, in pages of 2`);
    }
  });

  test('entries-tell-info', 'include: info tells of each entry what retrieve tells', lists, async (t) => {
    const store = await t.store();
    await store.store('a', { x: 1 }, { metadata: { m: 1 }, contentType: 'text/x' });
    const { items } = await store.list({ include: 'info' });
    const { data: _data, ...info } = (await store.retrieve('a')) ?? fail('the record is there');
    equal(items[0]?.info, info, 'info');
    const plain = (await store.list()).items[0];
    equal(plain?.info, undefined, 'info of an entry without include');
    if (plain?.size !== undefined) equal(plain.size, info.size, 'size');
    if (plain?.etag !== undefined) equal(plain.etag, info.etag, 'etag');
    if (plain?.updatedAt !== undefined) equal(plain.updatedAt, info.updatedAt, 'updatedAt');
  });

  test('pages-under-change', 'what does not change while one pages is met exactly once', lists, async (t) => {
    const store = await t.store();
    const keys = await fill(store, 60);
    const met: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; ; page++) {
      const answer = await store.list({ limit: 7, cursor });
      met.push(...answer.items.map((entry) => entry.key));
      cursor = answer.cursor;
      if (cursor === undefined) break;
      ok(page < 100, 'pages come to an end');
      // What was met is deleted behind the reader, and something new comes before it.
      await store.delete(met[met.length - 1] ?? '');
      await store.store(`a${page}`, 1);
    }
    const old = met.filter((key) => key.startsWith('k'));
    equal(old.length, new Set(old).size, 'no key twice');
    sameSet(old, keys, 'every key that was there');
  });

  test('cursor-is-bound', 'a cursor of another query is refused', lists, async (t) => {
    const store = await t.store();
    await fill(store, 20);
    const { cursor } = await store.list({ limit: 5, prefix: 'k' });
    await rejects(() => store.list({ limit: 5, prefix: 'k0', cursor }), 'invalid_argument', 'list with another prefix');
    await rejects(() => store.list({ limit: 5, cursor }), 'invalid_argument', 'list without prefix');
    if (t.recordFlags.namespaces)
      await rejects(
        () => store.namespace('n').list({ limit: 5, prefix: 'k', cursor }),
        'invalid_argument',
        'list of another namespace',
      );
    if (t.recordFlags.query === 'none') return;
    const query = { filter: { 'data.group': 1 }, limit: 2 };
    const page = await store.query(query);
    ok(page.cursor !== undefined, 'the query has a second page');
    await rejects(
      () => store.query({ ...query, filter: { 'data.group': 2 }, cursor: page.cursor }),
      'invalid_argument',
      'query with another filter',
    );
    await rejects(
      () => store.list({ limit: 2, cursor: page.cursor }),
      'invalid_argument',
      'list with the cursor of a query',
    );
    if (t.recordFlags.sort)
      await rejects(
        () => store.query({ ...query, sort: [{ path: 'data.index' }], cursor: page.cursor }),
        'invalid_argument',
        'query with another sort',
      );
  });

  test('cursor-survives-limit', 'the limit may change from page to page', lists, async (t) => {
    const store = await t.store();
    const keys = await fill(store, 20);
    const first = await store.list({ limit: 3 });
    const rest = await store.list({ limit: 100, cursor: first.cursor });
    sameSet(
      [...first.items, ...rest.items].map((entry) => entry.key),
      keys,
      'keys of both pages',
    );
  });

  test('cursor-is-checked', 'a cursor that was tampered with is refused', lists, async (t) => {
    const store = await t.store();
    await fill(store, 20);
    const { cursor = '' } = await store.list({ limit: 5 });
    ok(cursor !== '', 'there is a cursor');
    const changed = [
      ...Array.from(
        cursor,
        (character, at) => `${cursor.slice(0, at)}${character === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`,
      ),
      cursor.slice(0, -1),
      `${cursor}A`,
      cursor.slice(1),
      '',
      'garbage',
      '{}',
      `${cursor}${cursor}`,
      '😀',
      1 as never,
    ];
    for (const bad of changed)
      await rejects(
        () => store.list({ limit: 5, cursor: bad }),
        'invalid_argument',
        `list with the cursor ${JSON.stringify(bad).slice(0, 60)}`,
      );
    equal((await store.list({ limit: 5, cursor })).items.length, 5, 'items of the page of the true cursor');
  });

  test(
    'cursor-is-for-anybody',
    'another backend over the same store goes on from a cursor',
    all(lists, (capabilities) => capabilities.persistent),
    async (t) => {
      const backend = await t.open();
      const store = backend.records as RecordStore;
      const keys = await fill(store, 30);
      const first = await store.list({ limit: 10 });
      const other = await t.reopen(backend);
      await other.open();
      const rest = await listAll(other.records as RecordStore, { limit: 1000 });
      const second = await (other.records as RecordStore).list({ limit: 100, cursor: first.cursor });
      equal(rest, keys, 'keys as the other backend lists them');
      sameSet(
        [...first.items, ...second.items].map((entry) => entry.key),
        keys,
        'keys of the first page here and the second there',
      );
    },
  );

  test(
    'long-keys-page',
    'pages go on behind keys of 512 bytes',
    all(
      lists,
      store((flags) => flags.keys === 'any'),
    ),
    async (t) => {
      const store = await t.store();
      const keys = Array.from({ length: 6 }, (_, index) => `${'é'.repeat(255)}${index}`);
      for (const key of keys) await store.store(key, 1);
      sameSet(await listAll(store, { limit: 2 }), keys, 'keys');
    },
  );

  test('count', 'count tells how many there are, and how many have a prefix', lists, async (t) => {
    const store = await t.store();
    equal(await store.count(), 0, 'count of nothing');
    await fill(store, 30);
    await store.store('other', 1);
    equal(await store.count(), 31, 'count');
    equal(await store.count({ prefix: 'k' }), 30, 'count of a prefix');
    equal(await store.count({ prefix: 'k001' }), 10, 'count of a longer prefix');
    const estimate = await store.count({ mode: 'estimate' });
    ok(Number.isInteger(estimate) && estimate >= 0, `an estimate is a whole number, not ${estimate}`);
  });

  test(
    'query-orders-by-key',
    'a query without sort comes in the order of list, page by page',
    all(lists, queries),
    async (t) => {
      const store = await t.store();
      const keys = await fill(store, 30);
      const read = await pages((cursor) => store.query({ limit: 7, cursor }));
      const inOrder = read.map((record) => record.key);
      if (t.recordFlags.list === 'ordered') equal(inOrder, keys, 'keys');
      else sameSet(inOrder, keys, 'keys');
      equal(read.map((record) => (record.data as { index: number }).index).length, 30, 'data come with the records');
      sameSet(
        (await pages((cursor) => store.query({ prefix: 'k002', limit: 3, cursor }))).map((record) => record.key),
        keys.slice(20),
        'keys with a prefix',
      );
    },
  );

  test('iterate', 'iterate meets every record once, and as many as its limit says', all(lists, queries), async (t) => {
    const store = await t.store();
    const keys = await fill(store, 250);
    const met: string[] = [];
    for await (const record of store.iterate()) met.push(record.key);
    equal(met.length, 250, 'how many were met');
    sameSet(met, keys, 'keys');
    let limited = 0;
    for await (const _record of store.iterate({ limit: 120 })) limited++;
    equal(limited, 120, 'how many with limit 120');
    let early = 0;
    for await (const _record of store.iterate({ filter: { 'data.group': 1 } })) if (++early === 3) break;
    equal(early, 3, 'how many before a break');
    let filtered = 0;
    for await (const _record of store.iterate({ filter: { 'data.group': 1 }, prefix: 'k00' })) filtered++;
    equal(filtered, 33, 'how many match filter and prefix');
  });

  test('iterate-and-delete', 'records may be written while one iterates', all(lists, queries), async (t) => {
    const store = await t.store();
    const keys = await fill(store, 150);
    const met: string[] = [];
    for await (const record of store.iterate()) {
      met.push(record.key);
      await store.delete(record.key);
      if (met.length === 20) await store.delete('k0149');
    }
    // The one that was deleted meanwhile may have been read before.
    sameSet(
      met.filter((key) => key !== 'k0149'),
      keys.slice(0, 149),
      'keys that were met',
    );
    equal(await store.count(), 0, 'what is left');
  });

  test(
    'no-lists',
    'where there are no lists, list is unsupported',
    store((flags) => flags.list === 'none'),
    async (t) => {
      const store = await t.store();
      await rejects(() => store.list(), 'unsupported', 'list');
    },
  );
});
