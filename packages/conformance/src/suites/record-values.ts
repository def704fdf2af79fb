import { different, equal, ok, rejects } from '../assert.ts';
import { records, store } from '../needs.ts';
import type { AddTest } from '../suite.ts';

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

/** What values, metadata and sizes come back as. */
export function valueTests(test: AddTest): void {
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
    'where metadata is not kept, neither it nor a content type comes back',
    records((flags) => !flags.metadata),
    async (t) => {
      const records = await t.keyed();
      await records.store('k', 1, { metadata: { a: 1 }, contentType: 'text/x' });
      const read = await records.retrieve('k');
      equal([read?.metadata, read?.contentType], [{}, 'application/json'], 'metadata and content type');
    },
  );

  test('size-is-in-bytes', 'size counts the bytes of the JSON text, not its characters', async (t) => {
    const records = await t.keyed();
    equal((await records.store('k', 'é😀')).size, Buffer.byteLength('"é😀"'), 'size answered by store');
    equal((await records.retrieve('k'))?.size, Buffer.byteLength('"é😀"'), 'size');
  });

  test(
    'keeps-content-type',
    'a content type that is given is kept, and forgotten when it is left out',
    records((flags) => flags.metadata),
    async (t) => {
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
      const { size } = await store.store('k', value, { metadata: { m: 1 } });
      const text = await store.retrieveText('k');
      ok(typeof text?.data === 'string', 'data is text');
      // A store that writes JSON in a form of its own, with line breaks, tells the size of that.
      if (size !== Buffer.byteLength(text.data))
        equal(size, Buffer.byteLength(JSON.stringify(value)), 'size of the JSON text as it was written');
      equal(JSON.parse(text.data), value, 'the text as JSON');
      // Equal JSON is no equal text: an engine that keeps JSON as its own writes it in another form.
      equal(text.size, size, 'size, as it was written');
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
}
