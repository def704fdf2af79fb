import { update } from '@storage/core';
import { different, equal, ok, rejects, within } from '../assert.ts';
import { all, keyed, records, store } from '../needs.ts';
import { checkProgramOrder, checkSequentialModel } from '../properties/record-model.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { oddKeys, pathKeys } from './keys.ts';

const jsonValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  0.1,
  1e21,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  '',
  '123',
  '1e3',
  'null',
  'true',
  'é😀｡\n"\\',
  [],
  {},
  [[]],
  [null, 1, 'a', [true]],
  { a: { b: { c: [1, { d: null }] } } },
  { 'a.b': 1, a: { b: 2 }, $d: 3, '': 4, 'q"t': 5, "s'q": 6, 'bs\\l': 7 },
];

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Store, retrieve, delete, exists. */
export const recordsSuite: Suite = defineSuite('records', keyed, (test) => {
  test('round-trips-json', 'any JSON value comes back equal', async (t) => {
    const records = await t.keyed();
    for (const [index, value] of jsonValues.entries()) {
      const info = await records.store(`k${index}`, value as object);
      equal(info.kind, 'json', 'kind answered by store');
      const read = await records.retrieve(`k${index}`);
      ok(read !== undefined, `record of ${JSON.stringify(value)} is there`);
      equal(read.data, value, `data of k${index}`);
      equal(read.kind, 'json', 'kind');
    }
  });

  test('strings-stay-strings', 'text that looks like a number, a boolean or JSON stays text', async (t) => {
    const records = await t.keyed();
    for (const [index, text] of [
      '123',
      '1.0',
      'true',
      'null',
      '{"a":1}',
      '[1]',
      '"quoted"',
      ' padded ',
      '2024-01-01T00:00:00.000Z',
      '',
    ].entries()) {
      await records.store(`s${index}`, text);
      equal((await records.retrieve(`s${index}`))?.data, text, 'text');
    }
  });

  test('keeps-depth-64', 'values nested 64 levels deep are kept', async (t) => {
    const records = await t.keyed();
    await records.store('deep', deep(64) as object);
    equal(JSON.stringify((await records.retrieve('deep'))?.data), JSON.stringify(deep(64)), 'a value of depth 64');
  });

  test(
    'converts-on-the-way-in',
    'dates become ISO text, undefined members vanish, -0 becomes 0, toJSON is honoured',
    async (t) => {
      const records = await t.keyed();
      const at = new Date('2024-05-06T07:08:09.123Z');
      await records.store('k', { at, gone: undefined, zero: -0, list: [at], own: { toJSON: () => ({ made: true }) } });
      const data = (await records.retrieve<Record<string, unknown>>('k'))?.data;
      equal(
        data,
        { at: '2024-05-06T07:08:09.123Z', zero: 0, list: ['2024-05-06T07:08:09.123Z'], own: { made: true } },
        'data',
      );
      ok(data !== undefined && !Object.hasOwn(data, 'gone'), 'an undefined member is not stored');
      ok(Object.is(data['zero'], 0), '-0 is stored as 0');
    },
  );

  test('keeps-proto-keys', 'a member called __proto__ or constructor is a member like any other', async (t) => {
    const records = await t.keyed();
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"a":{"__proto__":3}}';
    await records.store('k', JSON.parse(text) as object);
    equal(
      JSON.stringify((await records.retrieve('k'))?.data ?? null).length,
      text.length,
      'length of the JSON that comes back',
    );
    equal(({} as Record<string, unknown>)['polluted'], undefined, 'Object.prototype');
  });

  test('miss-is-undefined', 'a record that is not there is undefined, not an error', async (t) => {
    const records = await t.keyed();
    equal(await records.retrieve('none'), undefined, 'retrieve');
    equal(await records.exists('none'), false, 'exists');
    equal(await records.delete('none'), false, 'delete');
  });

  test('exists-and-delete', 'exists tells what is there; delete removes it and tells that it was there', async (t) => {
    const records = await t.keyed();
    await records.store('k', null);
    equal(await records.exists('k'), true, 'exists of a stored null');
    equal(await records.delete('k'), true, 'delete of a record');
    equal(await records.exists('k'), false, 'exists afterwards');
    equal(await records.retrieve('k'), undefined, 'retrieve afterwards');
    equal(await records.delete('k'), false, 'delete again');
  });

  test('delete-without-report', 'report: false answers true and deletes', async (t) => {
    const records = await t.keyed();
    await records.store('k', 1);
    equal(await records.delete('k', { report: false }), true, 'answer');
    equal(await records.exists('k'), false, 'exists afterwards');
    equal(await records.delete('k', { report: false }), true, 'answer for a record that is not there');
  });

  test('delete-leaves-neighbours', 'a delete removes one record and no other', async (t) => {
    const records = await t.keyed();
    for (const key of ['a', 'ab', 'a_', 'a%'])
      await records
        .store(key, key)
        .catch((error) => (t.recordFlags.keys === 'path' ? undefined : Promise.reject(error)));
    await records.delete('a');
    equal(await records.exists('a'), false, 'the deleted one');
    equal((await records.retrieve('ab'))?.data, 'ab', 'its neighbour');
  });

  test('store-replaces-data', 'a second store replaces the first, whole', async (t) => {
    const records = await t.keyed();
    await records.store('k', { a: 1, b: 2 });
    await records.store('k', { b: 3 });
    equal((await records.retrieve('k'))?.data, { b: 3 }, 'data');
  });

  test(
    'store-replaces-metadata',
    'metadata that is left out is cleared',
    records((flags) => flags.metadata),
    async (t) => {
      const records = await t.keyed();
      await records.store('k', 1, { metadata: { a: 1, b: 1 } });
      await records.store('k', 1, { metadata: { b: 2 } });
      equal((await records.retrieve('k'))?.metadata, { b: 2 }, 'metadata of the second store');
      const info = await records.store('k', 1);
      equal(info.metadata, {}, 'metadata that the third store answers');
      equal((await records.retrieve('k'))?.metadata, {}, 'metadata after a store without');
    },
  );

  test(
    'keeps-metadata',
    'metadata comes back equal',
    records((flags) => flags.metadata),
    async (t) => {
      const records = await t.keyed();
      const metadata = {
        text: 'é😀 "q" \'s\' \\',
        number: 1.5,
        flag: false,
        none: null,
        list: ['a', 1],
        nested: { 'a.b': { $x: [] } },
        '': 'empty',
      };
      const info = await records.store('k', 1, { metadata });
      equal(info.metadata, metadata, 'metadata answered by store');
      equal((await records.retrieve('k'))?.metadata, metadata, 'metadata');
    },
  );

  test(
    'metadata-not-kept',
    'where metadata is not kept, none comes back',
    records((flags) => !flags.metadata),
    async (t) => {
      const records = await t.keyed();
      await records.store('k', 1, { metadata: { a: 1 } });
      equal((await records.retrieve('k'))?.metadata, {}, 'metadata');
    },
  );

  test('store-answers-info', 'what store answers is what retrieve tells', async (t) => {
    const records = await t.keyed();
    const info = await records.store('k', { a: 'é' }, { metadata: { m: 1 } });
    const read = await records.retrieve('k');
    ok(read !== undefined, 'the record is there');
    const { data: _data, ...rest } = read;
    equal(rest, { ...info }, 'info');
    equal(info.key, 'k', 'key');
    equal(info.contentType, 'application/json', 'content type of JSON');
    within(info.updatedAt.getTime(), t.clock.now() - 60_000, t.clock.now() + 60_000, 'updatedAt');
    equal(info.expiresAt, undefined, 'expiresAt of a record without ttl');
  });

  test('size-is-in-bytes', 'size counts the bytes of the JSON text, not its characters', async (t) => {
    const records = await t.keyed();
    equal((await records.store('k', 'é😀')).size, Buffer.byteLength('"é😀"'), 'size answered by store');
    equal((await records.retrieve('k'))?.size, Buffer.byteLength('"é😀"'), 'size');
  });

  test('keeps-content-type', 'a content type that is given is kept, and forgotten when it is left out', async (t) => {
    const records = await t.keyed();
    await records.store('k', 1, { contentType: 'application/ld+json; profile="x"' });
    equal((await records.retrieve('k'))?.contentType, 'application/ld+json; profile="x"', 'content type');
    await records.store('k', 1);
    equal((await records.retrieve('k'))?.contentType, 'application/json', 'content type after a store without');
    await rejects(
      () => records.store('k', 1, { contentType: 'x'.repeat(257) }),
      ['invalid_argument', 'too_large'],
      'a content type of 257 characters',
    );
  });

  test(
    'created-at-is-kept',
    'createdAt stays over later writes, updatedAt moves',
    records((flags) => flags.createdAt),
    async (t) => {
      const records = await t.keyed();
      const first = await records.store('k', 1);
      await t.clock.advance(20);
      const second = await records.store('k', 2);
      ok(first.createdAt !== undefined, 'createdAt is told');
      equal(second.createdAt, first.createdAt, 'createdAt after a second store');
      ok(second.updatedAt.getTime() > first.updatedAt.getTime(), 'updatedAt moves');
      equal((await records.retrieve('k'))?.createdAt, first.createdAt, 'createdAt as retrieved');
      await records.delete('k');
      await t.clock.advance(20);
      const again = await records.store('k', 3);
      ok(
        (again.createdAt?.getTime() ?? 0) > first.createdAt.getTime(),
        'a record that is stored anew after a delete has a new createdAt',
      );
    },
  );

  test(
    'created-at-missing',
    'where createdAt is not kept it is missing',
    records((flags) => !flags.createdAt),
    async (t) => {
      const records = await t.keyed();
      equal((await records.store('k', 1)).createdAt, undefined, 'createdAt');
      equal((await records.retrieve('k'))?.createdAt, undefined, 'createdAt as retrieved');
    },
  );

  test('keys-are-distinct', 'every legal key is a record of its own', async (t) => {
    const records = await t.keyed();
    const keys = t.recordFlags.keys === 'any' ? oddKeys : pathKeys;
    for (const [index, key] of keys.entries()) await records.store(key, index);
    for (const [index, key] of keys.entries()) {
      const read = await records.retrieve(key);
      equal(read?.data, index, `data under ${JSON.stringify(key.slice(0, 40))}`);
      equal(read?.key, key, 'key');
    }
    for (const key of keys) equal(await records.delete(key), true, `delete of ${JSON.stringify(key.slice(0, 40))}`);
  });

  test('key-and-longer-key', 'a key and a longer one that begins with it coexist', async (t) => {
    const records = await t.keyed();
    const keys = t.recordFlags.keys === 'any' ? ['a', 'a:b', 'a:b:c', 'a/b', 'a.b'] : ['a', 'ab', 'abc'];
    for (const key of keys) await records.store(key, key);
    await records.delete('a');
    for (const key of keys.slice(1)) equal((await records.retrieve(key))?.data, key, `data of ${key}`);
  });

  test(
    'path-keys-only',
    'a key that is no safe path is refused where only paths can be kept',
    records((flags) => flags.keys === 'path'),
    async (t) => {
      const records = await t.keyed();
      for (const key of ['../a', '/a', 'a/../b', 'a\\..\\b'])
        await rejects(() => records.store(key, 1), 'invalid_argument', `store under ${key}`);
    },
  );

  test('values-are-copies', 'what is handed in or out is a copy', async (t) => {
    const records = await t.keyed();
    const data = { list: [1], nested: { a: 1 } };
    const metadata = { list: [1] };
    const pending = records.store('k', data, { metadata });
    data.nested.a = 2;
    data.list.push(2);
    metadata.list.push(2);
    const info = await pending;
    const first = await records.retrieve<typeof data>('k');
    equal(first?.data, { list: [1], nested: { a: 1 } }, 'data as it was when store was called');
    if (t.recordFlags.metadata) equal(first?.metadata, { list: [1] }, 'metadata as it was when store was called');
    if (first !== undefined) first.data.nested.a = 3;
    info.updatedAt.setTime(0);
    const second = await records.retrieve<typeof data>('k');
    equal(second?.data.nested.a, 1, 'data after the one read before was changed');
    different(second?.updatedAt.getTime(), 0, 'updatedAt after the one answered before was changed');
  });

  test('retrieve-text', 'retrieveText answers the stored JSON as text', store(), async (t) => {
    const store = await t.store();
    for (const value of ['text', 1, null, { b: [1, 'é'] }]) {
      await store.store('k', value, { metadata: { m: 1 } });
      const text = await store.retrieveText('k');
      ok(typeof text?.data === 'string', 'data is text');
      equal(JSON.parse(text.data), value, 'the text as JSON');
      equal(text.size, Buffer.byteLength(text.data), 'size of the text');
      equal(text.kind, 'json', 'kind');
    }
    equal(await store.retrieveText('none'), undefined, 'retrieveText of no record');
  });

  test('value-of-a-mebibyte', 'a value of 1 MiB is kept, unless maxValueBytes is less', async (t) => {
    const records = await t.keyed();
    const text = 'x'.repeat(Math.min(t.recordFlags.maxValueBytes, 1024 * 1024) - 2);
    equal((await records.store('k', text)).size, text.length + 2, 'size');
    equal((await records.retrieve<string>('k'))?.data.length, text.length, 'length of what comes back');
  });

  test(
    'too-large-value',
    'a value over maxValueBytes is too_large with limit and actual',
    records((flags) => flags.maxValueBytes <= 32 * 1024 * 1024),
    async (t) => {
      const records = await t.keyed();
      const limit = t.recordFlags.maxValueBytes;
      await records.store('k', 'old');
      const error = await rejects(
        () => records.store('k', 'x'.repeat(limit - 1)),
        'too_large',
        'one byte over maxValueBytes',
      );
      equal(error.details?.['limit'], limit, 'details.limit');
      equal(error.details?.['actual'], limit + 1, 'details.actual');
      equal((await records.retrieve('k'))?.data, 'old', 'the record that was there');
    },
  );

  test('many-at-once', 'a thousand writes at once all arrive', async (t) => {
    const records = await t.keyed();
    await Promise.all(Array.from({ length: 1000 }, (_, index) => records.store(`k${index}`, { index })));
    const read = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => records.retrieve<{ index: number }>(`k${index}`)),
    );
    for (const [index, record] of read.entries()) equal(record?.data.index, index, `k${index}`);
  });

  test(
    'delete-reports-races',
    'of callers that delete one record at once, exactly one is told that it was there',
    async (t) => {
      const records = await t.keyed();
      for (let round = 0; round < 5; round++) {
        await records.store('k', round);
        const answers = await Promise.all(Array.from({ length: 10 }, () => records.delete('k')));
        const told = answers.filter(Boolean).length;
        if (t.recordFlags.deleteReports === 'exact') equal(told, 1, 'how many were told that it was there');
        else ok(told >= 1, 'at least one is told that it was there');
      }
    },
  );

  test(
    'program-order',
    'calls on a key keep the order of the calls, awaited or not',
    all(
      records((flags) => flags.programOrder),
      (capabilities) => capabilities.consistency === 'strong',
    ),
    checkProgramOrder,
  );

  test(
    'unordered-writes',
    'where calls may overtake one another, the last value is one of those written',
    records((flags) => !flags.programOrder),
    async (t) => {
      const records = await t.keyed();
      await Promise.all([1, 2, 3].map((value) => records.store('k', value)));
      ok([1, 2, 3].includes((await records.retrieve<number>('k'))?.data ?? 0), 'data is one of the values written');
    },
  );

  test(
    'too-large-metadata',
    'metadata over maxMetadataBytes is too_large, and nothing is stored',
    records((flags) => flags.maxMetadataBytes <= 32 * 1024 * 1024),
    async (t) => {
      const records = await t.keyed();
      const limit = t.recordFlags.maxMetadataBytes;
      const fits = { m: 'x'.repeat(limit - '{"m":""}'.length) };
      await records.store('fits', 1, { metadata: fits });
      if (t.recordFlags.metadata)
        equal((await records.retrieve('fits'))?.metadata, fits, 'metadata of maxMetadataBytes');
      const error = await rejects(
        () => records.store('k', 1, { metadata: { m: `${fits.m}x` } }),
        'too_large',
        'one byte over',
      );
      equal(
        [error.details?.['limit'], error.details?.['actual']],
        [limit, limit + 1],
        'details.limit and details.actual',
      );
      equal(await records.exists('k'), false, 'the record');
    },
  );

  test('model-sequential', 'random operations do to the store what they do to a map', checkSequentialModel);

  test(
    'update-keeps-options',
    'update() changes data and keeps metadata and content type',
    records((flags) => flags.conditional !== 'none' && flags.metadata),
    async (t) => {
      const records = await t.keyed();
      await records.store('k', 1, { metadata: { m: 1 }, contentType: 'text/x' });
      await update<number>(records, 'k', (current) => ({ data: (current?.data ?? 0) + 1 }));
      const read = await records.retrieve('k');
      equal(
        [read?.data, read?.metadata, read?.contentType],
        [2, { m: 1 }, 'text/x'],
        'data, metadata and content type',
      );
    },
  );
});
