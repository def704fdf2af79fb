import { isStorageError, type RecordStore, type StorageError } from '@storage/core';
import { equal, ok, rejects } from '../assert.ts';
import { all, keyed, lists, queries, records, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

function cycle(): object {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function tooDeep(): unknown {
  let value: unknown = 1;
  for (let level = 0; level < 65; level++) value = [value];
  return value;
}

const secret = 'a-stored-value-that-is-nobodys-business';

const badKeys: readonly unknown[] = [
  '',
  'a\0b',
  '\0',
  '\ud800',
  'a\udfff',
  undefined,
  null,
  1,
  {},
  ['a'],
  true,
  Symbol('k'),
];

const badValues: readonly (readonly [name: string, value: unknown, path?: string])[] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a bigint', 1n],
  ['NaN', Number.NaN],
  ['infinity', Number.NEGATIVE_INFINITY],
  ['a cycle', cycle()],
  ['65 levels', tooDeep()],
  ['a Map', new Map()],
  ['a Set', new Set([1])],
  ['an invalid Date', new Date(Number.NaN)],
  ['U+0000', 'a\0b'],
  ['a lone surrogate', '\ud800'],
  ['bytes inside JSON', { deep: [Uint8Array.of(1)] }, 'data.deep[0]'],
  ['NaN below', { a: [{ b: Number.NaN }] }, 'data.a[0].b'],
  ['a bigint below', { a: { b: 1n } }, 'data.a.b'],
  ['a key with U+0000', { 'a\0': 1 }],
  ['a key with a lone surrogate', { '\udc00': 1 }],
  ['U+0000 below', { a: ['\0'] }, 'data.a[0]'],
];

function checkError(error: StorageError, backend: string, operation: string, key: string | undefined): void {
  equal(error.backend, backend, `backend of the error of ${operation}`);
  equal(error.operation, operation, 'operation');
  if (key !== undefined) equal(error.key, key, `key of the error of ${operation}`);
  ok(error.message.length > 10, `the message says what was wrong: ${error.message}`);
  ok(
    !error.message.includes(secret) && !JSON.stringify(error).includes(secret),
    `the error of ${operation} holds no stored value`,
  );
  equal(JSON.parse(JSON.stringify(error)).code, error.code, 'code in its JSON');
  equal(JSON.parse(JSON.stringify(error)).stack, undefined, 'stack in its JSON');
}

/** Typed errors that name the cause. */
export const errorsSuite: Suite = defineSuite(
  'errors',
  () => true,
  (test) => {
    test('bad-keys', 'a key that is not legal is invalid_argument in every call', keyed, async (t) => {
      const records = await t.keyed();
      for (const bad of badKeys as string[]) {
        const shown = typeof bad === 'symbol' ? 'a symbol' : JSON.stringify(bad);
        for (const call of [
          () => records.store(bad, 1),
          () => records.retrieve(bad),
          () => records.delete(bad),
          () => records.exists(bad),
          () => records.retrieveMany(['a', bad]),
        ]) {
          const error = await rejects(call, 'invalid_argument', `a call with the key ${shown}`);
          equal(error.retryable, false, 'retryable');
        }
      }
    });

    test(
      'long-keys',
      'a key of over 512 bytes is too_large with limit and actual; bytes count, not characters',
      keyed,
      async (t) => {
        const records = await t.keyed();
        for (const [key, actual] of [
          ['x'.repeat(513), 513],
          ['é'.repeat(257), 514],
          ['😀'.repeat(129), 516],
          ['x'.repeat(100_000), 100_000],
        ] as const) {
          const error = await rejects(() => records.store(key, 1), 'too_large', `a key of ${actual} bytes`);
          equal(
            [error.details?.['limit'], error.details?.['actual']],
            [512, actual],
            'details.limit and details.actual',
          );
          await rejects(() => records.retrieve(key), 'too_large', `retrieve of a key of ${actual} bytes`);
        }
      },
    );

    test(
      'bad-values',
      'what can not be stored is refused with its path, and the old record stays',
      keyed,
      async (t) => {
        const records = await t.keyed();
        await records.store('k', 'old');
        for (const [name, value, path] of badValues) {
          const error = await rejects(
            () => records.store('k', value as object),
            'invalid_argument',
            `store of ${name}`,
          );
          ok(typeof error.details?.['path'] === 'string', `details.path of ${name} is given`);
          if (path !== undefined) equal(error.details['path'], path, `details.path of ${name}`);
          await rejects(
            () =>
              records
                .storeMany([{ key: 'k', data: value as object }])
                .then(([outcome]) => (outcome?.ok === false ? Promise.reject(outcome.error) : outcome)),
            'invalid_argument',
            `storeMany of ${name}`,
          );
        }
        equal((await records.retrieve('k'))?.data, 'old', 'the record');
      },
    );

    test('bad-metadata', 'metadata that is no JSON object is refused', keyed, async (t) => {
      const records = await t.keyed();
      for (const metadata of [
        null,
        [],
        'text',
        1,
        new Map(),
        Uint8Array.of(1),
        { a: Number.NaN },
        { a: '\ud800' },
        cycle(),
      ] as never[]) {
        await rejects(
          () => records.store('k', 1, { metadata }),
          'invalid_argument',
          `metadata ${Object.prototype.toString.call(metadata)}`,
        );
      }
      equal(await records.exists('k'), false, 'the record');
    });

    test('bad-options', 'an option of another type is refused, not ignored', keyed, async (t) => {
      const records = await t.keyed();
      for (const options of [{ ifMatch: 1 }, { contentType: 5 }, { contentType: 'a\0' }] as never[]) {
        await rejects(
          () => records.store('k', 1, options),
          t.recordFlags.conditional === 'none' ? ['invalid_argument', 'unsupported'] : 'invalid_argument',
          `store with ${JSON.stringify(options)}`,
        );
      }
      equal(await records.exists('k'), false, 'the record');
    });

    test('says-where', 'an error tells backend, operation and key, and nothing that was stored', keyed, async (t) => {
      const backend = await t.open();
      const { records, name } = backend;
      if (records === undefined) return;
      await records.store('k', secret, { metadata: { secret } });
      checkError(
        await rejects(() => records.store('k', { secret, bad: Number.NaN }), 'invalid_argument', 'store'),
        name,
        'records.store',
        'k',
      );
      checkError(
        await rejects(() => records.retrieve(''), 'invalid_argument', 'retrieve'),
        name,
        'records.retrieve',
        undefined,
      );
      checkError(
        await rejects(() => records.delete('x'.repeat(600)), 'too_large', 'delete'),
        name,
        'records.delete',
        undefined,
      );
      checkError(
        await rejects(() => records.exists('a\0'), 'invalid_argument', 'exists'),
        name,
        'records.exists',
        undefined,
      );
      checkError(
        await rejects(() => records.retrieveMany(['']), 'invalid_argument', 'retrieveMany'),
        name,
        'records.retrieveMany',
        undefined,
      );
      if (t.recordFlags.conditional === 'none') return;
      checkError(
        await rejects(() => records.store('k', 1, { ifAbsent: true }), 'already_exists', 'ifAbsent'),
        name,
        'records.store',
        'k',
      );
      const lost = await rejects(() => records.store('k', 1, { ifMatch: 'x' }), 'conflict', 'ifMatch');
      checkError(lost, name, 'records.store', 'k');
      equal([lost.applied, lost.retryable], ['no', false], 'applied and retryable of a conflict');
      const [outcome] = await records.storeMany([{ key: 'k', data: 1, ifAbsent: true }]);
      ok(
        outcome?.ok === false && isStorageError(outcome.error, 'already_exists'),
        'the outcome of a batch has the same error',
      );
      equal([outcome.error.key, outcome.error.backend], ['k', name], 'key and backend of the error of a batch');
    });

    test(
      'applied-of-refused-writes',
      "a write that was refused before it was sent says applied: 'no'",
      keyed,
      async (t) => {
        const records = await t.keyed();
        for (const call of [() => records.store('', 1), () => records.store('k', Number.NaN), () => records.delete('')])
          equal((await rejects(call, 'invalid_argument', 'a refused write')).applied, 'no', 'applied');
        equal(
          (await rejects(() => records.retrieve(''), 'invalid_argument', 'a refused read')).applied,
          undefined,
          'applied of a read',
        );
      },
    );

    test('store-says-where', 'errors of lists and queries tell their operation', all(lists, queries), async (t) => {
      const backend = await t.open();
      const records = backend.records as RecordStore;
      await records.store('k', { secret });
      checkError(
        await rejects(() => records.list({ limit: 0 }), 'invalid_argument', 'list'),
        backend.name,
        'records.list',
        undefined,
      );
      checkError(
        await rejects(() => records.query({ filter: { nowhere: secret } as never }), 'invalid_argument', 'query'),
        backend.name,
        'records.query',
        undefined,
      );
      checkError(
        await rejects(() => records.count({ filter: { $where: secret } as never }), 'invalid_argument', 'count'),
        backend.name,
        'records.count',
        undefined,
      );
      checkError(
        await rejects(() => records.touch('', { ttlMs: null }), 'invalid_argument', 'touch'),
        backend.name,
        'records.touch',
        undefined,
      );
      const unknown = await rejects(
        () => records.query({ filter: { 'data.a': { $regex: 'x' } } as never }),
        'invalid_argument',
        'an unknown operator',
      );
      equal(unknown.details?.['operator'], '$regex', 'details.operator');
      ok(/\$eq/.test(unknown.message), 'the message names the operators that there are');
    });

    test(
      'errors-of-bytes',
      'an error about bytes is typed as any other',
      store((flags) => flags.bytes),
      async (t) => {
        const backend = await t.open();
        const records = backend.records as RecordStore;
        await records.store('k', new TextEncoder().encode(secret));
        checkError(
          await rejects(() => records.retrieveText('k'), 'invalid_state', 'retrieveText'),
          backend.name,
          'records.retrieveText',
          'k',
        );
        checkError(
          await rejects(
            () => records.retrieveStream('k', { range: { offset: -1 } }),
            'invalid_argument',
            'retrieveStream',
          ),
          backend.name,
          'records.retrieveStream',
          'k',
        );
      },
    );

    test(
      'survives-refusals',
      'after a hundred refused calls the store works as before',
      records(() => true),
      async (t) => {
        const records = await t.keyed();
        await records.store('k', 1);
        await Promise.all(
          Array.from({ length: 100 }, (_, index) =>
            records.store(index % 2 === 0 ? '' : 'k', Number.NaN).catch(() => undefined),
          ),
        );
        equal((await records.retrieve('k'))?.data, 1, 'the record');
        equal((await records.store('k', 2)).key, 'k', 'a store');
        equal((await records.retrieve('k'))?.data, 2, 'the record after it');
      },
    );
  },
);
