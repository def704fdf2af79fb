import { equal, ok, rejects } from '../assert.ts';
import { keyed, records } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

/** storeMany, retrieveMany, deleteMany. */
export const batchesSuite: Suite = defineSuite('batches', keyed, (test) => {
  test('store-many', 'outcomes stand in the order of the items, and every item is there', async (t) => {
    const records = await t.keyed();
    const keys = Array.from({ length: 50 }, (_, index) => `k${(index * 37) % 50}`);
    const outcomes = await records.storeMany(keys.map((key) => ({ key, data: { key } })));
    equal(
      outcomes.map((outcome) => (outcome.ok ? outcome.value.key : outcome.error.code)),
      keys,
      'keys of the outcomes',
    );
    for (const key of keys) equal((await records.retrieve(key))?.data, { key }, `data of ${key}`);
  });

  test(
    'store-many-options',
    'each item has its own options',
    records((flags) => flags.metadata),
    async (t) => {
      const records = await t.keyed();
      await records.store('b', 0, { metadata: { old: true } });
      await records.storeMany([
        { key: 'a', data: 1, metadata: { m: 1 }, contentType: 'text/x' },
        { key: 'b', data: 2 },
      ]);
      const [a, b] = await records.retrieveMany(['a', 'b']);
      equal([a?.metadata, a?.contentType], [{ m: 1 }, 'text/x'], 'options of the first');
      equal([b?.data, b?.metadata, b?.contentType], [2, {}, 'application/json'], 'the second, stored without options');
    },
  );

  test('store-many-repeated-key', 'of a key that stands twice the later item is what is there', async (t) => {
    const records = await t.keyed();
    const outcomes = await records.storeMany([
      { key: 'a', data: 1 },
      { key: 'b', data: 2 },
      { key: 'a', data: 3 },
    ]);
    equal(
      outcomes.map((outcome) => outcome.ok),
      [true, true, true],
      'outcomes',
    );
    equal((await records.retrieve('a'))?.data, 3, 'data of the repeated key');
    const last = outcomes[2];
    if (t.recordFlags.conditional !== 'none')
      equal((await records.retrieve('a'))?.etag, last?.ok && last.value.etag, 'etag of the repeated key');
  });

  test(
    'store-many-partial-failure',
    'an item that fails has its own outcome; the others are stored',
    records((flags) => flags.conditional !== 'none'),
    async (t) => {
      const records = await t.keyed();
      await records.store('taken', 'old');
      const outcomes = await records.storeMany([
        { key: 'a', data: 1 },
        { key: 'taken', data: 2, ifAbsent: true },
        { key: 'b', data: 3 },
        { key: 'c', data: 4, ifMatch: 'gone' },
      ]);
      equal(
        outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code)),
        ['ok', 'already_exists', 'ok', 'conflict'],
        'outcomes',
      );
      const read = await records.retrieveMany(['a', 'taken', 'b', 'c']);
      equal(
        read.map((record) => record?.data),
        [1, 'old', 3, undefined],
        'what is there',
      );
    },
  );

  test(
    'retrieve-many',
    'records stand in the order of the keys, undefined where there is none, repeated where a key is',
    async (t) => {
      const records = await t.keyed();
      await records.storeMany([
        { key: 'a', data: 1 },
        { key: 'b', data: 2 },
      ]);
      const read = await records.retrieveMany(['b', 'none', 'a', 'b']);
      equal(
        read.map((record) => record?.data),
        [2, undefined, 1, 2],
        'data',
      );
      equal(
        read.map((record) => record?.key),
        ['b', undefined, 'a', 'b'],
        'keys',
      );
    },
  );

  test('delete-many', 'outcomes tell, in order, what was there', async (t) => {
    const records = await t.keyed();
    await records.storeMany(['a', 'b', 'c'].map((key) => ({ key, data: key })));
    const outcomes = await records.deleteMany(['c', 'none', 'a']);
    equal(
      outcomes.map((outcome) => outcome.ok && outcome.value),
      [true, false, true],
      'outcomes',
    );
    equal(
      (await records.retrieveMany(['a', 'b', 'c'])).map((record) => record?.data),
      [undefined, 'b', undefined],
      'what is left',
    );
  });

  test('delete-many-repeated-key', 'of a key that stands twice the first delete finds it', async (t) => {
    const records = await t.keyed();
    await records.store('a', 1);
    const outcomes = await records.deleteMany(['a', 'a']);
    equal(
      outcomes.map((outcome) => outcome.ok && outcome.value),
      [true, false],
      'outcomes',
    );
  });

  test('empty-batch', 'an empty batch answers an empty list', async (t) => {
    const records = await t.keyed();
    equal(await records.storeMany([]), [], 'storeMany');
    equal(await records.retrieveMany([]), [], 'retrieveMany');
    equal(await records.deleteMany([]), [], 'deleteMany');
  });

  test('takes-iterables', 'items and keys may come from any iterable, read once', async (t) => {
    const records = await t.keyed();
    function* items(): Iterable<{ key: string; data: number }> {
      yield { key: 'a', data: 1 };
      yield { key: 'b', data: 2 };
    }
    equal((await records.storeMany(items())).length, 2, 'outcomes of a generator');
    const read = await records.retrieveMany(new Set(['b', 'a']));
    equal(
      read.map((record) => record?.data),
      [2, 1],
      'data of a Set of keys',
    );
    equal((await records.deleteMany(new Set(['a', 'b']))).length, 2, 'outcomes of deleteMany of a Set');
  });

  test('two-thousand', 'a batch of 2,000 is stored, read and deleted whole', async (t) => {
    const records = await t.keyed();
    const keys = Array.from({ length: 2000 }, (_, index) => `k${index}`);
    const stored = await records.storeMany(keys.map((key, index) => ({ key, data: index })));
    ok(stored.length === 2000 && stored.every((outcome) => outcome.ok), 'all are stored');
    const read = await records.retrieveMany<number>(keys);
    equal(
      read.map((record) => record?.data),
      keys.map((_, index) => index),
      'data',
    );
    const deleted = await records.deleteMany(keys);
    ok(
      deleted.every((outcome) => outcome.ok && outcome.value),
      'all were there',
    );
    equal((await records.retrieveMany(keys)).filter(Boolean).length, 0, 'records left');
  });

  test('too-many', 'a batch of over 10,000 is refused before anything is stored', async (t) => {
    const records = await t.keyed();
    const keys = Array.from({ length: 10_001 }, (_, index) => `k${index}`);
    await rejects(() => records.storeMany(keys.map((key) => ({ key, data: 1 }))), 'too_large', 'storeMany of 10,001');
    await rejects(() => records.retrieveMany(keys), 'too_large', 'retrieveMany of 10,001');
    await rejects(() => records.deleteMany(keys), 'too_large', 'deleteMany of 10,001');
    equal(await records.exists('k0'), false, 'the first item');
  });

  test(
    'atomic-store',
    'atomic: true stores all',
    records((flags) => flags.atomicBatches),
    async (t) => {
      const records = await t.keyed();
      const outcomes = await records.storeMany(
        [
          { key: 'a', data: 1 },
          { key: 'b', data: 2 },
        ],
        { atomic: true },
      );
      equal(
        outcomes.map((outcome) => outcome.ok),
        [true, true],
        'outcomes',
      );
      equal(
        (await records.retrieveMany(['a', 'b'])).map((record) => record?.data),
        [1, 2],
        'data',
      );
      equal(
        (await records.deleteMany(['a', 'none', 'b'], { atomic: true })).map((outcome) => outcome.ok && outcome.value),
        [true, false, true],
        'atomic deleteMany',
      );
    },
  );

  test(
    'atomic-store-fails-whole',
    'atomic: true stores nothing when one item fails, and says which',
    records((flags) => flags.atomicBatches && flags.conditional !== 'none'),
    async (t) => {
      const records = await t.keyed();
      await records.store('taken', 'old');
      const items = [
        { key: 'a', data: 1 },
        { key: 'taken', data: 2, ifAbsent: true as const },
        { key: 'b', data: 3 },
      ];
      const error = await rejects(
        () => records.storeMany(items, { atomic: true }),
        'already_exists',
        'a batch with a lost condition',
      );
      equal(error.details?.['index'], 1, 'details.index');
      const read = await records.retrieveMany(['a', 'taken', 'b']);
      equal(
        read.map((record) => record?.data),
        [undefined, 'old', undefined],
        'what is there',
      );
    },
  );

  test(
    'atomic-is-unsupported',
    'atomic: true is unsupported where batches are not atomic',
    records((flags) => !flags.atomicBatches),
    async (t) => {
      const records = await t.keyed();
      await rejects(
        () => records.storeMany([{ key: 'a', data: 1 }], { atomic: true }),
        'unsupported',
        'atomic storeMany',
      );
      await rejects(() => records.deleteMany(['a'], { atomic: true }), 'unsupported', 'atomic deleteMany');
      equal(await records.exists('a'), false, 'the item');
    },
  );

  test(
    'bad-item',
    'an item that is not legal refuses the whole batch before anything is stored, and is told by its place',
    async (t) => {
      const records = await t.keyed();
      const atomics = t.recordFlags.atomicBatches ? [undefined, true] : [undefined];
      for (const atomic of atomics) {
        for (const item of [
          { key: '', data: 1 },
          { key: 'bad', data: Number.NaN },
          { key: 'bad', data: 1, ttlMs: -1 },
        ]) {
          const error = await rejects(
            () => records.storeMany([{ key: 'a', data: 1 }, item], { atomic }),
            'invalid_argument',
            `a batch with ${JSON.stringify(item)}`,
          );
          equal(error.details?.['index'], 1, 'the place of the bad item');
          equal(await records.exists('a'), false, 'the good item before it');
          equal(await records.exists('bad'), false, 'the bad item');
        }
      }
    },
  );
});
