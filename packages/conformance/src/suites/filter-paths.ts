import { joinPath } from '@storage/core/filter';
import { equal, rejects, sameSet } from '../assert.ts';
import { all, queries, store } from '../needs.ts';
import { keyPool } from '../properties/arbitraries.ts';
import { untyped } from '../properties/filter-properties.ts';
import type { AddTest } from '../suite.ts';
import { expectMatches } from './filter-documents.ts';

/** What paths name. */
export function pathTests(test: AddTest): void {
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
}
