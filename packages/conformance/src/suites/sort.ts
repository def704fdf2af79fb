import type { Query, RecordStore } from '@storage/core';
import { equal, ok, rejects } from '../assert.ts';
import { all, queries, store } from '../needs.ts';
import { checkRandomSorts } from '../properties/sort-properties.ts';
import { defineSuite, type Suite } from '../suite.ts';

const sorts = all(
  queries,
  store((flags) => flags.sort),
);

async function keysOf(store: RecordStore, query: Query): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.query({ ...query, cursor });
    keys.push(...page.items.map((record) => record.key));
    cursor = page.cursor;
  } while (cursor !== undefined && keys.length < 1000);
  return keys;
}

async function fill(store: RecordStore, values: { readonly [key: string]: unknown }): Promise<void> {
  await store.storeMany(
    Object.entries(values).map(([key, v]) => ({ key, data: v === undefined ? {} : ({ v } as object) })),
  );
}

/** Sorting of queries. */
export const sortSuite: Suite = defineSuite('sort', store(), (test) => {
  test(
    'types',
    'booleans come before numbers before strings; what is none of them counts as missing and comes last',
    sorts,
    async (t) => {
      const store = await t.store();
      await fill(store, {
        s: 'a',
        n: 5,
        t: true,
        f: false,
        m: undefined,
        l: [1],
        o: { a: 1 },
        z: null,
        neg: -1,
        b: '',
        ten: '10',
      });
      equal(
        await keysOf(store, { sort: [{ path: 'data.v' }] }),
        ['f', 't', 'neg', 'n', 'b', 'ten', 's', 'l', 'm', 'o', 'z'],
        'ascending',
      );
      equal(
        await keysOf(store, { sort: [{ path: 'data.v', direction: 'desc' }] }),
        ['s', 'ten', 'b', 'n', 'neg', 't', 'f', 'l', 'm', 'o', 'z'],
        'descending: missing still last',
      );
    },
  );

  test('numbers', 'numbers are in the order of numbers, not of their text', sorts, async (t) => {
    const store = await t.store();
    await fill(store, { a: 10, b: 9, c: -10, d: -9.5, e: 0.1, f: 1e21, g: 5e-324, h: 0, i: Number.MAX_SAFE_INTEGER });
    equal(
      await keysOf(store, { sort: [{ path: 'data.v' }] }),
      ['c', 'd', 'h', 'g', 'e', 'b', 'a', 'i', 'f'],
      'ascending',
    );
  });

  test('strings-by-code-point', 'strings are in code point order, whatever the locale', sorts, async (t) => {
    const store = await t.store();
    await fill(store, { 1: 'Z', 2: 'a', 3: 'ä', 4: 'b', 5: '😀', 6: '｡', 7: 'A', 8: 'aa', 9: '' });
    equal(
      await keysOf(store, { sort: [{ path: 'data.v' }] }),
      ['9', '7', '1', '2', '8', '4', '3', '6', '5'],
      'ascending',
    );
  });

  test('ties-by-key', 'ties are in the order of keys, ascending in both directions', sorts, async (t) => {
    const store = await t.store();
    await fill(store, { c: 1, a: 1, b: 0, '😀': 1, '｡': 1 });
    equal(await keysOf(store, { sort: [{ path: 'data.v' }] }), ['b', 'a', 'c', '｡', '😀'], 'ascending');
    equal(
      await keysOf(store, { sort: [{ path: 'data.v', direction: 'desc' }] }),
      ['a', 'c', '｡', '😀', 'b'],
      'descending',
    );
  });

  test('several-paths', 'a later path decides where the earlier ones tie', sorts, async (t) => {
    const store = await t.store();
    await store.storeMany(
      [
        ['a', 1, 'x'],
        ['b', 0, 'y'],
        ['c', 1, 'z'],
        ['d', 0, 'x'],
      ].map(([key, n, s]) => ({ key: String(key), data: { n, s } as object })),
    );
    equal(
      await keysOf(store, { sort: [{ path: 'data.n', direction: 'desc' }, { path: 'data.s' }] }),
      ['a', 'c', 'd', 'b'],
      'down by n, then up by s',
    );
    equal(
      await keysOf(store, { sort: [{ path: 'data.s' }, { path: 'data.n' }] }),
      ['d', 'a', 'b', 'c'],
      'up by s, then up by n',
    );
  });

  test('record-fields', 'records sort by key, metadata and times', sorts, async (t) => {
    const store = await t.store();
    const ranks = t.recordFlags.metadata ? [2, 3, 1] : [1, 1, 1];
    for (const [index, key] of ['b', 'a', 'c'].entries()) {
      await store.store(key, 1, { metadata: { rank: ranks[index] ?? 0 } });
      await t.clock.advance(3);
    }
    equal(await keysOf(store, { sort: [{ path: 'key', direction: 'desc' }] }), ['c', 'b', 'a'], 'by key, descending');
    equal(await keysOf(store, { sort: [{ path: 'updatedAt' }] }), ['b', 'a', 'c'], 'by updatedAt');
    equal(
      await keysOf(store, { sort: [{ path: 'updatedAt', direction: 'desc' }], limit: 1 }),
      ['c', 'a', 'b'],
      'by updatedAt, descending, page by page',
    );
    if (t.recordFlags.createdAt)
      equal(
        await keysOf(store, { sort: [{ path: 'createdAt', direction: 'desc' }] }),
        ['c', 'a', 'b'],
        'by createdAt, descending',
      );
    if (t.recordFlags.metadata)
      equal(await keysOf(store, { sort: [{ path: 'metadata.rank' }] }), ['c', 'b', 'a'], 'by metadata');
  });

  test(
    'pages',
    'a sorted query goes on where its page ended, over ties, types and missing values',
    sorts,
    async (t) => {
      const store = await t.store();
      await fill(
        store,
        Object.fromEntries(
          Array.from({ length: 60 }, (_, n) => [
            `k${String(n).padStart(2, '0')}`,
            [n % 4, String(n % 3), n % 2 === 0, undefined, null][n % 5],
          ]),
        ),
      );
      for (const direction of ['asc', 'desc'] as const) {
        const whole = await keysOf(store, { sort: [{ path: 'data.v', direction }], limit: 1000 });
        equal(whole.length, 60, 'keys of one page');
        for (const limit of [1, 7, 30])
          equal(
            await keysOf(store, { sort: [{ path: 'data.v', direction }], limit }),
            whole,
            `${direction} in pages of ${limit}`,
          );
      }
    },
  );

  test('sorted-and-filtered', 'sort, filter, prefix and limit work together', sorts, async (t) => {
    const store = await t.store();
    await store.storeMany(
      Array.from({ length: 40 }, (_, n) => ({
        key: `${n % 2 === 0 ? 'a' : 'b'}${n}`,
        data: { n: 40 - n, odd: n % 3 },
      })),
    );
    const query: Query = { filter: { 'data.odd': { $ne: 0 } }, prefix: 'a', sort: [{ path: 'data.n' }], limit: 3 };
    const expected = Array.from({ length: 40 }, (_, n) => n)
      .filter((n) => n % 2 === 0 && n % 3 !== 0)
      .reverse()
      .map((n) => `a${n}`);
    equal(await keysOf(store, query), expected, 'keys');
    equal((await store.query(query)).items.length, 3, 'records of the first page');
    const met: string[] = [];
    for await (const record of store.iterate({ ...query, limit: 5 })) met.push(record.key);
    equal(met, expected.slice(0, 5), 'keys that iterate meets');
  });

  test(
    'long-values',
    'a sorted string of over 256 bytes is too_large where a page has to go on behind it',
    sorts,
    async (t) => {
      const store = await t.store();
      await fill(store, { a: 'x'.repeat(257), b: 'y', c: 'z'.repeat(256), d: `${'z'.repeat(256)}z` });
      const sort = [{ path: 'data.v' }];
      equal(await keysOf(store, { sort, limit: 10 }), ['a', 'b', 'c', 'd'], 'keys of one page');
      await rejects(() => store.query({ sort, limit: 1 }), 'too_large', 'a page that ends at a string of 257 bytes');
      const page = await store.query({ sort, limit: 3 });
      ok(page.cursor !== undefined, 'a page that ends at a string of 256 bytes has a cursor');
      equal(
        (await store.query({ sort, limit: 3, cursor: page.cursor })).items.map((record) => record.key),
        ['d'],
        'the page behind it',
      );
    },
  );

  test('bad-sorts', 'a sort that is none is refused', sorts, async (t) => {
    const store = await t.store();
    const five = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ path: `data.${name}` }));
    for (const sort of [
      five,
      [{ path: 'v' }],
      [{ path: 'data.v', direction: 'up' as never }],
      [{}] as never,
      'data.v' as never,
      [{ path: 1 as never }],
      [{ path: 'etag' }],
    ]) {
      await rejects(() => store.query({ sort }), 'invalid_argument', `sort ${JSON.stringify(sort)}`);
    }
    equal((await store.query({ sort: five.slice(0, 4) })).items, [], 'four paths are allowed');
  });

  test(
    'random-sorts',
    'random sorts of random documents, in pages of any size, are in the reference order',
    sorts,
    async (t) => {
      await checkRandomSorts(t, await t.store());
    },
  );

  test(
    'no-sort',
    'where there is no sorting it is unsupported',
    all(
      queries,
      store((flags) => !flags.sort),
    ),
    async (t) => {
      const store = await t.store();
      await rejects(() => store.query({ sort: [{ path: 'data.v' }] }), 'unsupported', 'a sorted query');
    },
  );
});
