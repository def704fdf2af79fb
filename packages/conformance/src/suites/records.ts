import { update } from '@storage/core';
import { equal, ok, rejects, within } from '../assert.ts';
import { all, keyed, records } from '../needs.ts';
import { checkProgramOrder, checkSequentialModel } from '../properties/record-model.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { oddKeys, pathKeys } from './keys.ts';
import { valueTests } from './record-values.ts';

/** Store, retrieve, delete, exists. */
export const recordsSuite: Suite = defineSuite('records', keyed, (test) => {
  valueTests(test);

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

  test('store-answers-info', 'what store answers is what retrieve tells', async (t) => {
    const records = await t.keyed();
    const info = await records.store('k', { a: 'é' }, { metadata: { m: 1 } });
    const read = await records.retrieve('k');
    ok(read !== undefined, 'the record is there');
    const { data: _data, ...rest } = read;
    // Where nothing is kept beside the data, it is the time of the call.
    const updatedAt = t.recordFlags.metadata ? info.updatedAt : rest.updatedAt;
    equal(rest, { ...info, updatedAt }, 'info');
    within(rest.updatedAt.getTime(), t.clock.now() - 60_000, t.clock.now() + 60_000, 'updatedAt as retrieved');
    equal(info.key, 'k', 'key');
    equal(info.contentType, 'application/json', 'content type of JSON');
    within(info.updatedAt.getTime(), t.clock.now() - 60_000, t.clock.now() + 60_000, 'updatedAt');
    equal(info.expiresAt, undefined, 'expiresAt of a record without ttl');
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
    equal(
      (await records.retrieveMany([...keys].reverse())).map((record) => record?.data),
      keys.map((_, index) => index).reverse(),
      'data of all at once',
    );
    for (const key of keys) equal(await records.exists(key), true, `exists of ${JSON.stringify(key.slice(0, 40))}`);
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
