import type { RecordStore, Storable } from '@storage/core';
import { joinPath } from '@storage/core/filter';
import { equal, ok, rejects, sameSet } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { all, queries, store } from '../needs.ts';
import { illegalFilters, keyPool } from '../properties/arbitraries.ts';
import {
  checkAlgebra,
  checkPages,
  checkRandomFilters,
  documentCount,
  loadRecords,
  recordPaths,
  untyped,
} from '../properties/filter-properties.ts';
import { defineSuite, type Suite } from '../suite.ts';

type Expectations = readonly (readonly [filter: object, keys: string])[];

/** Stores the documents and fails unless each filter finds exactly the keys that are named. */
async function expectMatches(
  t: TestContext,
  documents: { readonly [key: string]: Storable | { readonly $bytes: Uint8Array } },
  expectations: Expectations,
): Promise<RecordStore> {
  const store = await t.store();
  await store.storeMany(Object.entries(documents).map(([key, data]) => ({ key, data: data as object })));
  for (const [filter, keys] of expectations) {
    const text = JSON.stringify(filter);
    const page = await store.query({ filter: untyped(filter), limit: 1000 });
    sameSet(
      page.items.map((record) => record.key),
      keys.split(' ').filter(Boolean),
      `keys that ${text} finds`,
    );
    equal(await store.count({ filter: untyped(filter) }), page.items.length, `count of ${text}`);
  }
  return store;
}

async function subjectOf(
  t: TestContext,
): Promise<{ readonly store: RecordStore; readonly subject: Awaited<ReturnType<typeof loadRecords>> }> {
  const store = await t.store();
  const { bytes, createdAt } = t.recordFlags;
  return { store, subject: await loadRecords(store, { seed: t.seed, count: documentCount(t), bytes, createdAt }) };
}

const shapes = {
  none: {},
  null: { a: null },
  empty: { a: [] },
  one: { a: 1 },
  text: { a: '1' },
  true: { a: true },
  false: { a: false },
  zero: { a: 0 },
  float: { a: 1.5 },
  listed: { a: [1] },
  mixed: { a: ['1', true, null] },
  nested: { a: [[1], { b: 1 }] },
  object: { a: { b: 1 } },
  list: { a: [{ b: 1 }] },
  blank: { a: '' },
};
const everyShape = Object.keys(shapes).join(' ');
const without = (...keys: string[]): string =>
  Object.keys(shapes)
    .filter((key) => !keys.includes(key))
    .join(' ');

/** The filter language over records. */
export const filtersSuite: Suite = defineSuite('filters', store(), (test) => {
  test(
    'equality-is-strict',
    '$eq tells 1 from "1" and true, meets elements of an array, and never an object',
    queries,
    async (t) => {
      await expectMatches(t, shapes, [
        [{ 'data.a': 1 }, 'one listed'],
        [{ 'data.a': { $eq: '1' } }, 'text mixed'],
        [{ 'data.a': true }, 'true mixed'],
        [{ 'data.a': false }, 'false'],
        [{ 'data.a': 0 }, 'zero'],
        [{ 'data.a': -0 }, 'zero'],
        [{ 'data.a': '' }, 'blank'],
        [{ 'data.a': '[1]' }, ''],
        [{ 'data.a': { $contains: 1 } }, 'one listed'],
        [{ 'data.a': { $contains: '1' } }, 'text mixed'],
      ]);
    },
  );

  test(
    'complements-match-missing',
    '$ne, $nin and $not are complements: they match where the field is missing',
    queries,
    async (t) => {
      await expectMatches(t, shapes, [
        [{ 'data.a': { $ne: 1 } }, without('one', 'listed')],
        [{ 'data.a': { $nin: [1, '1'] } }, without('one', 'listed', 'text', 'mixed')],
        [{ 'data.a': { $not: { $gt: 0 } } }, without('one', 'float', 'listed')],
        [{ $not: { 'data.a': true } }, without('true', 'mixed')],
        [{ 'data.a': { $not: { $not: { $eq: 1 } } } }, 'one listed'],
        [{ $not: { $not: { 'data.b': { $ne: 1 } } } }, everyShape],
        [{ $not: { 'data.a': { $startsWith: '1' } } }, without('text', 'mixed')],
        [{ 'data.a.b': { $ne: 1 } }, without('object')],
      ]);
    },
  );

  test('absence', 'missing, null and [] are absent; {}, "", 0 and false are not', queries, async (t) => {
    const absent = 'none null empty';
    const present = without('none', 'null', 'empty');
    await expectMatches(t, shapes, [
      [{ 'data.a': { $exists: true } }, present],
      [{ 'data.a': { $exists: false } }, absent],
      [{ 'data.a': null }, absent],
      [{ 'data.a': { $eq: null } }, absent],
      [{ 'data.a': { $ne: null } }, present],
      [{ 'data.a': { $in: [null, 1] } }, `${absent} one listed`],
      [{ 'data.a': { $nin: [null, 1] } }, without('none', 'null', 'empty', 'one', 'listed')],
      [{ 'data.a': { $not: { $exists: true } } }, absent],
      [{ 'data.a': { $contains: null } }, absent],
    ]);
  });

  test(
    'ranges',
    'a range compares numbers with numbers and text with text, and both its ends hold',
    queries,
    async (t) => {
      const documents = {
        two: { a: 2 },
        five: { a: 5 },
        nine: { a: 9 },
        ten: { a: 10 },
        minus: { a: -3 },
        text: { a: '5' },
        later: { a: '7' },
        true: { a: true },
        none: {},
        null: { a: null },
        lists: { a: [1, 20] },
        within: { a: [6] },
        words: { a: ['6', 'x'] },
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $gt: 5 } }, 'nine ten lists within'],
        [{ 'data.a': { $gte: 5 } }, 'five nine ten lists within'],
        [{ 'data.a': { $lt: 5 } }, 'two minus lists'],
        [{ 'data.a': { $lte: 5 } }, 'two five minus lists'],
        [{ 'data.a': { $gt: 2, $lt: 10 } }, 'five nine lists within'],
        [{ 'data.a': { $gte: 2, $lte: 9 } }, 'two five nine lists within'],
        [{ 'data.a': { $gt: 9, $lt: 2 } }, 'lists'],
        [{ 'data.a': { $gte: '5', $lt: '7' } }, 'text words'],
        [{ 'data.a': { $gt: '' } }, 'text later words'],
        [{ $not: { 'data.a': { $gt: 2, $lt: 10 } } }, 'two ten minus text later true none null words'],
        [{ 'data.a': { $gt: -4, $lt: -2.5 } }, 'minus'],
      ]);
    },
  );

  test(
    'text-by-code-point',
    'text is compared by code point, exactly: no locale, case folding or normal form',
    queries,
    async (t) => {
      const documents = {
        upper: { a: 'Z' },
        lower: { a: 'a' },
        accent: { a: '\u00e9' },
        combined: { a: 'e\u0301' },
        half: { a: '｡' },
        face: { a: '😀' },
        dotted: { a: 'İ' },
        padded: { a: 'a ' },
        ten: { a: '10' },
        nine: { a: '9' },
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $lt: 'a' } }, 'upper ten nine'],
        [{ 'data.a': { $gt: '｡' } }, 'face'],
        [{ 'data.a': { $lt: '😀', $gt: 'z' } }, 'accent dotted half'],
        [{ 'data.a': '\u00e9' }, 'accent'],
        [{ 'data.a': 'e\u0301' }, 'combined'],
        [{ 'data.a': 'A' }, ''],
        [{ 'data.a': 'a' }, 'lower'],
        [{ 'data.a': { $gte: '10', $lt: '9' } }, 'ten'],
      ]);
    },
  );

  test(
    'starts-with',
    '$startsWith meets text that begins exactly so, wildcards and case included',
    queries,
    async (t) => {
      const documents = {
        a: { a: 'abc' },
        upper: { a: 'Abc' },
        percent: { a: 'a%c' },
        under: { a: 'a_c' },
        list: { a: ['x', 'abx'] },
        number: { a: 12 },
        quote: { a: "a'b" },
        slash: { a: 'a\\b' },
        star: { a: 'a*c' },
        face: { a: '😀x' },
        missing: {},
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $startsWith: 'ab' } }, 'a list'],
        [{ 'data.a': { $startsWith: 'a%' } }, 'percent'],
        [{ 'data.a': { $startsWith: 'a_' } }, 'under'],
        [{ 'data.a': { $startsWith: 'a*' } }, 'star'],
        [{ 'data.a': { $startsWith: 'A' } }, 'upper'],
        [{ 'data.a': { $startsWith: "a'" } }, 'quote'],
        [{ 'data.a': { $startsWith: 'a\\' } }, 'slash'],
        [{ 'data.a': { $startsWith: '1' } }, ''],
        [{ 'data.a': { $startsWith: '' } }, 'a upper percent under list quote slash star face'],
        [{ 'data.a': { $startsWith: '😀' } }, 'face'],
      ]);
    },
  );

  test(
    'empty-operands',
    'an empty $in matches nothing, an empty $nin everything; so do an empty $or and $and',
    queries,
    async (t) => {
      const documents = { x: { a: 1 }, y: {} };
      await expectMatches(t, documents, [
        [{ 'data.a': { $in: [] } }, ''],
        [{ 'data.a': { $nin: [] } }, 'x y'],
        [{ $and: [] }, 'x y'],
        [{ $or: [] }, ''],
        [{}, 'x y'],
        [{ $not: {} }, ''],
        [{ $not: { $or: [] } }, 'x y'],
        [{ 'data.a': 1, $or: [] }, ''],
        [{ $or: [{}, { 'data.a': 5 }] }, 'x y'],
        [{ $or: [{ 'data.a': { $in: [] } }, { 'data.a': 1 }] }, 'x'],
      ]);
    },
  );

  test('in-lists', '$in takes values of several types', queries, async (t) => {
    await expectMatches(t, shapes, [
      [{ 'data.a': { $in: [1, '', true] } }, 'one listed blank true mixed'],
      [{ 'data.a': { $in: ['1'] } }, 'text mixed'],
      [{ 'data.a': { $in: [0, 1.5, 99] } }, 'zero float'],
    ]);
    const store = await t.store();
    await store.storeMany(Array.from({ length: 50 }, (_, n) => ({ key: `k${n}`, data: { n } })));
    equal(
      await store.count({ filter: { 'data.n': { $in: Array.from({ length: 500 }, (_, n) => n * 2) } } }),
      25,
      'count of a list of 500 values',
    );
  });

  test(
    'grouping',
    'members of one filter all hold, and $or groups its parts as they are written',
    queries,
    async (t) => {
      const documents = {
        both: { a: 1, b: 2 },
        a: { a: 1, b: 0 },
        b: { a: 0, b: 2 },
        c: { c: 3 },
        all: { a: 1, b: 2, c: 3 },
      };
      await expectMatches(t, documents, [
        [{ $or: [{ 'data.a': 1, 'data.b': 2 }] }, 'both all'],
        [{ $or: [{ 'data.a': 1, 'data.b': 2 }, { 'data.c': 3 }] }, 'both c all'],
        [{ 'data.c': 3, $or: [{ 'data.a': 1 }, { 'data.b': 2 }] }, 'all'],
        [
          { $and: [{ $or: [{ 'data.a': 1 }, { 'data.c': 3 }] }, { $or: [{ 'data.b': 2 }, { 'data.a': 0 }] }] },
          'both all',
        ],
        [{ $not: { $or: [{ 'data.a': 1 }, { 'data.b': 2 }] } }, 'c'],
        [{ $not: { 'data.a': 1, 'data.b': 2 } }, 'a b c'],
        [{ $and: [{ 'data.a': 1 }], $or: [{ 'data.b': 0 }], $not: { 'data.c': 3 } }, 'a'],
      ]);
    },
  );

  test(
    'arrays-by-element',
    'on an array each part of a range may be met by another element; paths never go into arrays',
    queries,
    async (t) => {
      const documents = {
        apart: { a: [1, 20] },
        inside: { a: [5] },
        objects: { a: [{ b: 5 }] },
        object: { a: { b: 5 } },
        keyed: { a: { 0: 5 } },
        deep: { a: [[5]] },
      };
      await expectMatches(t, documents, [
        [{ 'data.a': { $gt: 10, $lt: 3 } }, 'apart'],
        [{ 'data.a': 5 }, 'inside'],
        [{ 'data.a.b': 5 }, 'object'],
        [{ 'data.a.0': 5 }, 'keyed'],
        [{ 'data.a.b': { $exists: false } }, 'apart inside objects keyed deep'],
        [{ 'data.a.length': { $exists: true } }, ''],
      ]);
    },
  );

  test('paths', 'a path names own keys one by one; a dot within a key is written \\.', queries, async (t) => {
    const documents = {
      nested: { a: { b: 1 } },
      dotted: { 'a.b': 1 },
      both: { 'a.b': 2, a: { b: 1 } },
      deep: { a: { b: { c: { d: 1 } } } },
      blank: { '': { '': 1 } },
    };
    await expectMatches(t, documents, [
      [{ 'data.a.b': 1 }, 'nested both'],
      [{ 'data.a\\.b': 1 }, 'dotted'],
      [{ 'data.a\\.b': 2 }, 'both'],
      [{ 'data.a.b.c.d': 1 }, 'deep'],
      [{ 'data..': 1 }, 'blank'],
      [{ 'data.a.b': { $exists: true } }, 'nested both deep'],
    ]);
  });

  test(
    'odd-keys',
    'any key can be asked for, whatever its characters; an inherited one is never there',
    queries,
    async (t) => {
      const store = await t.store();
      for (const [index, key] of keyPool.entries())
        await store.store(
          `d${index}`,
          JSON.parse(`{${JSON.stringify(key)}:{${JSON.stringify(key)}:${index}}}`) as object,
        );
      await store.store('plain', { x: 1 });
      for (const [index, key] of keyPool.entries()) {
        const found = await store.query({ filter: untyped({ [joinPath(['data', key, key])]: index }) });
        equal(
          found.items.map((record) => record.key),
          [`d${index}`],
          `keys found under ${JSON.stringify(key)}`,
        );
        const present = await store.query({ filter: untyped({ [joinPath(['data', key])]: { $exists: true } }) });
        equal(
          present.items.map((record) => record.key),
          [`d${index}`],
          `where ${JSON.stringify(key)} exists`,
        );
      }
      for (const key of ['toString', 'hasOwnProperty', 'valueOf', 'length'])
        equal(await store.count({ filter: untyped({ [`data.${key}`]: { $exists: true } }) }), 0, `where ${key} exists`);
    },
  );

  test('record-fields', 'key, metadata, createdAt and updatedAt can be asked for', queries, async (t) => {
    const store = await t.store();
    await store.store('a', 1, { metadata: { tag: ['x', 'y'], n: 5 } });
    await store.store('b', 2);
    const { updatedAt } = (await store.retrieve('b')) ?? (await store.store('b', 2));
    const find = async (filter: object): Promise<string[]> =>
      (await store.query({ filter: untyped(filter) })).items.map((record) => record.key);
    sameSet(await find({ key: 'a' }), ['a'], 'by key');
    sameSet(await find({ key: { $gt: 'a' } }), ['b'], 'by a range of keys');
    sameSet(await find({ data: 2 }), ['b'], 'by data that is a scalar');
    sameSet(await find({ updatedAt: { $lte: updatedAt } }), ['a', 'b'], 'by updatedAt and a Date');
    sameSet(await find({ updatedAt: { $gt: new Date(updatedAt.getTime() + 10_000) } }), [], 'by a later updatedAt');
    sameSet(
      await find({ updatedAt: updatedAt.toISOString() }).then((keys) => keys.filter((key) => key === 'b')),
      ['b'],
      'by the exact updatedAt as text',
    );
    if (t.recordFlags.createdAt)
      sameSet(await find({ createdAt: { $gte: '2000-01-01T00:00:00.000Z' } }), ['a', 'b'], 'by createdAt');
    if (!t.recordFlags.metadata) return;
    sameSet(await find({ 'metadata.tag': 'y' }), ['a'], 'by metadata');
    sameSet(await find({ 'metadata.n': { $gt: 4 } }), ['a'], 'by a range of metadata');
    sameSet(await find({ 'metadata.tag': { $exists: false } }), ['b'], 'by metadata that is missing');
  });

  test(
    'bytes-do-not-exist',
    'for a filter the data of bytes do not exist',
    all(
      queries,
      store((flags) => flags.bytes),
    ),
    async (t) => {
      const store = await t.store();
      await store.store('bytes', new TextEncoder().encode('{"a":1}'), { metadata: { m: 1 } });
      await store.store('json', { a: 1 });
      const find = async (filter: object): Promise<string[]> =>
        (await store.query({ filter: untyped(filter) })).items.map((record) => record.key);
      sameSet(await find({ 'data.a': 1 }), ['json'], 'where data.a is 1');
      sameSet(await find({ data: { $exists: true } }), ['json'], 'where data exists');
      sameSet(await find({ 'data.a': { $ne: 1 } }), ['bytes'], 'where data.a is not 1');
      sameSet(await find({ data: null }), ['bytes'], 'where data is null');
    },
  );

  test('dates', 'a Date in a filter is its ISO text', queries, async (t) => {
    const at = (day: number): Date => new Date(Date.UTC(2024, 0, day));
    await expectMatches(
      t,
      {
        one: { at: at(1) },
        two: { at: at(2) },
        spelled: { at: '2024-01-02T00:00:00Z' },
        number: { at: at(2).getTime() },
      },
      [
        [{ 'data.at': at(2) }, 'two'],
        [{ 'data.at': { $gt: at(1) } }, 'two spelled'],
        [{ 'data.at': { $in: [at(1), at(2)] } }, 'one two'],
      ],
    );
  });

  test('numbers', 'numbers compare as numbers, at every size', queries, async (t) => {
    const big = Number.MAX_SAFE_INTEGER;
    const documents = {
      one: { a: 1 },
      big: { a: big },
      next: { a: big - 1 },
      tiny: { a: 5e-324 },
      minus: { a: -1 },
      tenth: { a: 0.1 },
      odd: { a: 16_777_217 },
      even: { a: 16_777_216 },
      huge: { a: 1e21 },
    };
    await expectMatches(t, documents, [
      [{ 'data.a': 1.0 }, 'one'],
      [{ 'data.a': big }, 'big'],
      [{ 'data.a': { $gt: big - 1 } }, 'big huge'],
      [{ 'data.a': 5e-324 }, 'tiny'],
      [{ 'data.a': { $gt: 0, $lt: 0.1 } }, 'tiny'],
      [{ 'data.a': 16_777_217 }, 'odd'],
      [{ 'data.a': { $lt: 0 } }, 'minus'],
      [{ 'data.a': 0.1 }, 'tenth'],
    ]);
  });

  test('long-text', 'text of over 4 KB is compared to its end', queries, async (t) => {
    const long = 'x'.repeat(5000);
    await expectMatches(t, { a: { t: `${long}a` }, b: { t: `${long}b` } }, [
      [{ 'data.t': `${long}a` }, 'a'],
      [{ 'data.t': { $gt: `${long}a` } }, 'b'],
      [{ 'data.t': { $startsWith: long } }, 'a b'],
      [{ 'data.t': { $ne: `${long}b` } }, 'a'],
    ]);
  });

  test(
    'limit-after-filter',
    'the limit counts records that match, not those that were looked at',
    queries,
    async (t) => {
      const store = await t.store();
      const count = Math.min(300, t.recordFlags.scanLimit ?? 300);
      await store.storeMany(
        Array.from({ length: count }, (_, n) => ({
          key: `k${String(n).padStart(4, '0')}`,
          data: { late: n >= count - 5 },
        })),
      );
      const page = await store.query({ filter: { 'data.late': true }, limit: 5 });
      equal(page.items.length, 5, 'records of a page of 5, of which the last 5 match');
      equal(await store.count({ filter: { 'data.late': true } }), 5, 'count');
      equal(
        (await store.query({ filter: { 'data.late': true }, prefix: `k${String(count - 1).padStart(4, '0')}` })).items
          .length,
        1,
        'records that match filter and prefix',
      );
      equal(await store.count({ filter: { 'data.late': true }, prefix: 'nothing' }), 0, 'count of another prefix');
    },
  );

  test('refuses-what-is-no-filter', 'what is no filter is invalid_argument, never ignored', queries, async (t) => {
    const store = await t.store();
    await store.store('k', { p: 1 });
    for (const illegal of illegalFilters.slice(1)) {
      const filter =
        typeof illegal === 'object' && illegal !== null && 'p' in illegal ? { 'data.p': illegal.p } : illegal;
      const what = `the filter ${Object.prototype.toString.call(filter)} ${String(filter && typeof filter === 'object' ? Object.keys(filter) : filter)}`;
      if (filter === undefined) continue;
      await rejects(() => store.query({ filter: filter as never }), 'invalid_argument', what);
      await rejects(
        () => store.count({ filter: { $or: [{}, filter] } as never }),
        'invalid_argument',
        `within $or, ${what}`,
      );
    }
    for (const path of ['p', 'id', 'etag', 'size', 'Data.p', ''])
      await rejects(
        () => store.query({ filter: untyped({ [path]: 1 }) }),
        'invalid_argument',
        `the path ${JSON.stringify(path)}, which begins nowhere`,
      );
  });

  test(
    'refuses-floods',
    'a filter of 10,000 levels, nodes or a megabyte of text is refused at once',
    queries,
    async (t) => {
      const store = await t.store();
      let deep: object = { 'data.a': 1 };
      for (let level = 0; level < 10_000; level++) deep = { $not: deep };
      const wide = { $or: Array.from({ length: 10_000 }, (_, n) => ({ 'data.a': n })) };
      const long = { 'data.a': 'x'.repeat(1_000_000) };
      const startedAt = performance.now();
      for (const filter of [deep, wide, long])
        await rejects(() => store.query({ filter: untyped(filter) }), ['invalid_argument', 'too_large'], 'a flood');
      ok(performance.now() - startedAt < 2000, 'refusing takes under 2 s');
    },
  );

  test(
    'delete-where',
    'deleteWhere deletes what matches and nothing else, and tells how many',
    all(
      queries,
      store((flags) => flags.deleteWhere !== 'none'),
    ),
    async (t) => {
      const store = await t.store();
      const fill = (): Promise<unknown> =>
        store.storeMany(Object.entries(shapes).map(([key, data]) => ({ key, data })));
      const left = async (): Promise<string[]> =>
        (await store.query({ limit: 1000 })).items.map((record) => record.key);
      for (const [filter, gone] of [
        [{ 'data.a': 1 }, ['one', 'listed']],
        [{ 'data.a': { $ne: 1 } }, without('one', 'listed').split(' ')],
        [{ 'data.a': { $gt: 0, $lt: 1 } }, []],
        [{ $or: [] }, []],
        [{ key: { $startsWith: 'n' } }, ['none', 'null', 'nested']],
        [{}, Object.keys(shapes)],
      ] as const) {
        await fill();
        equal(await store.deleteWhere(untyped(filter)), gone.length, `how many ${JSON.stringify(filter)} deleted`);
        sameSet(
          await left(),
          Object.keys(shapes).filter((key) => !gone.includes(key as never)),
          `what ${JSON.stringify(filter)} left`,
        );
        await store.deleteWhere({});
      }
      await fill();
      await rejects(
        () => store.deleteWhere(untyped({ $where: '1' })),
        'invalid_argument',
        'deleteWhere of what is no filter',
      );
      await rejects(() => store.deleteWhere(undefined as never), 'invalid_argument', 'deleteWhere without a filter');
      equal(await store.count(), Object.keys(shapes).length, 'what is left after refused calls');
    },
  );

  test(
    'delete-where-many',
    'deleteWhere deletes more records than a page has',
    all(
      queries,
      store((flags) => flags.deleteWhere !== 'none'),
    ),
    async (t) => {
      const store = await t.store();
      const count = Math.min(2500, t.recordFlags.scanLimit ?? 2500);
      await store.storeMany(Array.from({ length: count }, (_, n) => ({ key: `k${n}`, data: { even: n % 2 === 0 } })));
      equal(await store.deleteWhere({ 'data.even': true }), Math.ceil(count / 2), 'how many were deleted');
      equal(await store.count(), Math.floor(count / 2), 'count of what is left');
    },
  );

  test(
    'delete-where-races',
    'deleteWhere never deletes a record that stopped matching before it began, or that never matched',
    all(
      queries,
      store((flags) => flags.deleteWhere === 'atomic' || flags.deleteWhere === 'per-record'),
    ),
    async (t) => {
      const store = await t.store();
      const keys = Array.from({ length: 200 }, (_, n) => `k${n}`);
      await store.storeMany(keys.map((key) => ({ key, data: { doomed: true, round: 0 } })));
      const saving = keys.filter((_, n) => n % 2 === 0).map((key) => store.store(key, { doomed: false }));
      const deleted = store.deleteWhere({ 'data.doomed': true });
      await Promise.all(saving);
      const gone = await deleted;
      const saved = (await store.retrieveMany(keys)).filter(
        (record) => (record?.data as { doomed: boolean } | undefined)?.doomed === false,
      ).length;
      equal(saved, 100, 'records that were changed so that they do not match');
      ok(gone <= 200 && gone >= 100, `how many were deleted: ${gone}`);
      equal(await store.count({ filter: { 'data.doomed': true } }), 0, 'records that still match');
    },
  );

  test(
    'no-delete-where',
    'where there is no deleteWhere it is unsupported',
    store((flags) => flags.deleteWhere === 'none'),
    async (t) => {
      const store = await t.store();
      await store.store('k', 1);
      await rejects(() => store.deleteWhere({}), 'unsupported', 'deleteWhere');
      equal(await store.exists('k'), true, 'the record');
    },
  );

  test(
    'scan-limit',
    'a query that would read more than scanLimit records is scan_limit, never a partial answer',
    all(
      queries,
      store((flags) => flags.scanLimit !== null && flags.scanLimit <= 20_000),
    ),
    async (t) => {
      const store = await t.store();
      const limit = t.recordFlags.scanLimit ?? 0;
      for (let start = 0; start <= limit; start += 5000) {
        await store.storeMany(
          Array.from({ length: Math.min(5000, limit + 1 - start) }, (_, n) => ({ key: `k${start + n}`, data: 1 })),
        );
      }
      await rejects(
        () => store.query({ filter: { 'data.a': 'nowhere' } }),
        'scan_limit',
        `a query over ${limit + 1} records`,
      );
      await rejects(
        () => store.count({ filter: { 'data.a': 'nowhere' } }),
        'scan_limit',
        `a count over ${limit + 1} records`,
      );
    },
  );

  test(
    'no-scan-limit',
    'without a scanLimit a query reads as many records as there are',
    all(
      queries,
      store((flags) => flags.scanLimit === null),
    ),
    async (t) => {
      const store = await t.store();
      await store.storeMany(Array.from({ length: 5000 }, (_, n) => ({ key: `k${n}`, data: { n } })));
      equal(await store.count({ filter: { 'data.n': { $gte: 4990 } } }), 10, 'count of the last ten');
      equal(
        (await store.query({ filter: { 'data.n': 4999 } })).items.map((record) => record.key),
        ['k4999'],
        'the last',
      );
    },
  );

  test('select', 'select answers its paths as they are nested, and nothing else of the data', queries, async (t) => {
    const store = await t.store();
    await store.store(
      'k',
      { user: { name: 'Ada', age: 36, tags: ['x', { y: 1 }] }, 'a.b': 1, other: true },
      { metadata: t.recordFlags.metadata ? { m: 1 } : {} },
    );
    const select = async (...paths: string[]): Promise<unknown> =>
      (await store.query({ select: paths })).items[0]?.data;
    equal(await select('data.user.name'), { user: { name: 'Ada' } }, 'one path');
    equal(
      await select('data.user.name', 'data.other', 'data.none', 'data.user.none.deep'),
      { user: { name: 'Ada' }, other: true },
      'several, some of them missing',
    );
    equal(await select('data.user.tags'), { user: { tags: ['x', { y: 1 }] } }, 'an array, whole');
    equal(await select('data.a\\.b'), { 'a.b': 1 }, 'a key with a dot');
    const [record] = (await store.query({ select: ['data.other'] })).items;
    equal(
      [record?.key, record?.kind, record?.etag],
      ['k', 'json', (await store.retrieve('k'))?.etag],
      'key, kind and etag come all the same',
    );
    for (const bad of [['other'], ['metadata.m'], [1 as never], 'data.other' as never])
      await rejects(() => store.query({ select: bad }), 'invalid_argument', `select ${JSON.stringify(bad)}`);
  });

  test(
    'no-queries',
    'where there are no queries they are unsupported',
    store((flags) => flags.query === 'none'),
    async (t) => {
      const store = await t.store();
      await rejects(() => store.query({ filter: { 'data.a': 1 } }), 'unsupported', 'query');
      await rejects(() => store.count({ filter: { 'data.a': 1 } }), 'unsupported', 'count of a filter');
    },
  );

  test('random-filters', 'random filters over random documents find what the reference finds', queries, async (t) => {
    const { subject } = await subjectOf(t);
    await checkRandomFilters(t, subject, recordPaths);
  });

  test('algebra', 'a filter and its complement are everything, and De Morgan holds', queries, async (t) => {
    const { subject } = await subjectOf(t);
    await checkAlgebra(t, subject, recordPaths);
  });

  test(
    'random-pages',
    'pages of a filtered query put together are the whole answer, in its order',
    queries,
    async (t) => {
      const { store, subject } = await subjectOf(t);
      await checkPages(t, store, subject);
    },
  );
});
