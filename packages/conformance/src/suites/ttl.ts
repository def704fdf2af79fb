import { maxTtlMs } from '@storage/core';
import { equal, ok, rejects, sameSet, within } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { all, lists, queries, records, store } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

const expires = records((flags) => flags.ttl !== false);
const fullExpires = store((flags) => flags.ttl !== false);
const exactLists = store((flags) => flags.ttl !== false && flags.ttl.listing === 'exact');

/** Lets the time to live of a record pass. */
function pass(t: TestContext): Promise<void> {
  return t.clock.advance(t.clock.ttlMs + t.clock.margin);
}

/** Expiry. */
export const ttlSuite: Suite = defineSuite(
  'ttl',
  records(() => true),
  (test) => {
    test(
      'expires',
      'a record is there until its time is over, and gone afterwards for every read by key',
      expires,
      async (t) => {
        const records = await t.keyed();
        await records.store('k', 1, { ttlMs: t.clock.ttlMs });
        await records.store('stays', 2);
        equal((await records.retrieve('k'))?.data, 1, 'data before');
        await pass(t);
        equal(await records.retrieve('k'), undefined, 'retrieve');
        equal(await records.exists('k'), false, 'exists');
        equal(
          (await records.retrieveMany(['k', 'stays'])).map((record) => record?.data),
          [undefined, 2],
          'retrieveMany',
        );
        equal(await records.delete('k'), false, 'delete of an expired record');
        equal(
          (await records.deleteMany(['k', 'stays'])).map((outcome) => outcome.ok && outcome.value),
          [false, true],
          'deleteMany',
        );
      },
    );

    test('milliseconds', 'the time is kept to the millisecond, not to the second', expires, async (t) => {
      const records = await t.keyed();
      const { ttlMs, controlled } = t.clock;
      await records.store('short', 1, { ttlMs: controlled ? 1400 : ttlMs });
      await records.store('long', 1, { ttlMs: controlled ? 1600 : ttlMs * 20 });
      await t.clock.advance(controlled ? 1399 : 1);
      equal(await records.exists('short'), true, 'a record just before its time');
      await t.clock.advance(controlled ? 1 : ttlMs + t.clock.margin);
      equal(await records.exists('short'), false, 'a record from its time on');
      equal(await records.exists('long'), true, 'a record 200 ms before its time');
    });

    test('expires-at', 'expiresAt tells when, and is missing where there is no expiry', expires, async (t) => {
      const records = await t.keyed();
      const before = t.clock.now();
      const info = await records.store('k', 1, { ttlMs: 5_000_000 });
      const at = info.expiresAt?.getTime() ?? 0;
      within(at, before + 5_000_000 - 1000, t.clock.now() + 5_000_000 + 1000, 'expiresAt answered by store');
      equal((await records.retrieve('k'))?.expiresAt?.getTime(), at, 'expiresAt of retrieve');
      equal((await records.store('k', 1)).expiresAt, undefined, 'expiresAt after a store without ttl');
    });

    test(
      'store-clears-expiry',
      'a store without ttl keeps the record for ever, also when it had an expiry',
      expires,
      async (t) => {
        const records = await t.keyed();
        await records.store('k', 1, { ttlMs: t.clock.ttlMs });
        await records.store('k', 2);
        await records.store('many', 1, { ttlMs: t.clock.ttlMs });
        await records.storeMany([{ key: 'many', data: 2 }]);
        await pass(t);
        equal((await records.retrieve('k'))?.data, 2, 'data');
        equal((await records.retrieve('many'))?.data, 2, 'data stored by storeMany');
      },
    );

    test('store-replaces-expiry', 'a later store sets the expiry anew', expires, async (t) => {
      const records = await t.keyed();
      await records.store('longer', 1, { ttlMs: t.clock.ttlMs });
      await records.store('longer', 2, { ttlMs: t.clock.ttlMs * 20 });
      await records.store('shorter', 1, { ttlMs: t.clock.ttlMs * 20 });
      await records.storeMany([{ key: 'shorter', data: 2, ttlMs: t.clock.ttlMs }]);
      await pass(t);
      equal((await records.retrieve('longer'))?.data, 2, 'the record with a longer time');
      equal(await records.exists('shorter'), false, 'the record with a shorter time');
    });

    test(
      'expired-is-absent',
      'an expired record is none for ifAbsent, and does not match for ifMatch',
      all(
        expires,
        records((flags) => flags.conditional !== 'none'),
      ),
      async (t) => {
        const records = await t.keyed();
        const a = await records.store('a', 1, { ttlMs: t.clock.ttlMs });
        const b = await records.store('b', 1, { ttlMs: t.clock.ttlMs });
        await rejects(() => records.store('a', 2, { ifAbsent: true }), 'already_exists', 'ifAbsent before its time');
        await pass(t);
        await rejects(() => records.store('b', 2, { ifMatch: b.etag }), 'conflict', 'ifMatch on an expired record');
        if (t.recordFlags.conditionalDelete)
          await rejects(
            () => records.delete('b', { ifMatch: b.etag }),
            'conflict',
            'delete with ifMatch of an expired record',
          );
        await records.store('a', 3, { ifAbsent: true });
        equal((await records.retrieve('a'))?.data, 3, 'data stored with ifAbsent');
        ok((await records.retrieve('a'))?.etag !== a.etag, 'the new record has a new etag');
      },
    );

    test(
      'expired-begins-anew',
      'a record that is stored over an expired one has a new createdAt',
      all(
        expires,
        records((flags) => flags.createdAt),
      ),
      async (t) => {
        const records = await t.keyed();
        const first = await records.store('k', 1, { ttlMs: t.clock.ttlMs });
        await pass(t);
        const second = await records.store('k', 2);
        ok((second.createdAt?.getTime() ?? 0) > (first.createdAt?.getTime() ?? 0), 'createdAt is later');
      },
    );

    test(
      'lists-skip-expired',
      'lists, queries and counts never show what is expired',
      all(exactLists, lists),
      async (t) => {
        const store = await t.store();
        await store.storeMany(
          ['a', 'b', 'c', 'd'].map((key, index) => ({
            key,
            data: { n: index },
            ...(index % 2 === 0 ? { ttlMs: t.clock.ttlMs } : {}),
          })),
        );
        equal(await store.count(), 4, 'count before');
        await pass(t);
        sameSet(
          (await store.list()).items.map((entry) => entry.key),
          ['b', 'd'],
          'keys',
        );
        equal(
          (await store.list({ limit: 1 })).items.map((entry) => entry.key),
          ['b'],
          'the first page of one',
        );
        equal(await store.count(), 2, 'count');
        equal(await store.count({ prefix: 'a' }), 0, 'count of a prefix');
        if (t.recordFlags.query === 'none') return;
        sameSet(
          (await store.query()).items.map((record) => record.key),
          ['b', 'd'],
          'keys of a query',
        );
        equal(await store.count({ filter: { 'data.n': { $gte: 0 } } }), 2, 'count of a filter');
        if (t.recordFlags.sort)
          equal(
            (await store.query({ sort: [{ path: 'data.n', direction: 'desc' }] })).items.map((record) => record.key),
            ['d', 'b'],
            'keys of a sorted query',
          );
      },
    );

    test(
      'namespaces-skip-expired',
      'a namespace of which all is expired is not listed',
      all(
        exactLists,
        store((flags) => flags.namespaces),
      ),
      async (t) => {
        const store = await t.store();
        await store.namespace('gone').store('k', 1, { ttlMs: t.clock.ttlMs });
        await store.namespace('stays').store('k', 1);
        await pass(t);
        equal((await store.namespaces()).items, ['stays'], 'namespaces');
      },
    );

    test(
      'delete-where-skips-expired',
      'deleteWhere does not count what is expired',
      all(
        exactLists,
        queries,
        store((flags) => flags.deleteWhere !== 'none'),
      ),
      async (t) => {
        const store = await t.store();
        await store.store('a', { n: 1 }, { ttlMs: t.clock.ttlMs });
        await store.store('b', { n: 1 });
        await pass(t);
        equal(await store.deleteWhere({ 'data.n': 1 }), 1, 'how many were deleted');
      },
    );

    test('touch', 'touch changes the expiry and nothing else', fullExpires, async (t) => {
      const store = await t.store();
      const info = await store.store('k', { n: 1 }, { ttlMs: t.clock.ttlMs, metadata: { m: 1 } });
      await store.store('kept', 1, { ttlMs: t.clock.ttlMs });
      await store.store('ends', 1);
      await t.clock.advance(5);
      equal(await store.touch('k', { ttlMs: t.clock.ttlMs * 20 }), true, 'answer');
      equal(await store.touch('kept', { ttlMs: null }), true, 'answer for null');
      equal(await store.touch('ends', { ttlMs: t.clock.ttlMs }), true, 'answer for a record without expiry');
      equal(await store.touch('none', { ttlMs: 1000 }), false, 'answer for no record');
      const touched = await store.retrieve('k');
      equal(
        [touched?.etag, touched?.updatedAt, touched?.metadata, touched?.data],
        [info.etag, info.updatedAt, info.metadata, { n: 1 }],
        'etag, updatedAt, metadata and data',
      );
      equal((await store.retrieve('kept'))?.expiresAt, undefined, 'expiresAt after touch with null');
      await pass(t);
      equal(await store.exists('k'), true, 'a record whose time was made longer');
      equal(await store.exists('kept'), true, 'a record that is kept for ever');
      equal(await store.exists('ends'), false, 'a record that was given a time');
    });

    test(
      'touch-does-not-revive',
      'touch of an expired record answers false and does not bring it back',
      fullExpires,
      async (t) => {
        const store = await t.store();
        await store.store('k', 1, { ttlMs: t.clock.ttlMs });
        await pass(t);
        equal(await store.touch('k', { ttlMs: 60_000 }), false, 'touch');
        equal(await store.touch('k', { ttlMs: null }), false, 'touch with null');
        equal(await store.exists('k'), false, 'exists');
      },
    );

    test('reads-do-not-extend', 'reading a record does not move its expiry', expires, async (t) => {
      const records = await t.keyed();
      const { expiresAt } = await records.store('k', 1, { ttlMs: t.clock.ttlMs });
      await t.clock.advance(t.clock.ttlMs / 3);
      equal((await records.retrieve('k'))?.expiresAt, expiresAt, 'expiresAt of retrieve');
      await records.exists('k');
      await t.clock.advance((t.clock.ttlMs * 2) / 3 + t.clock.margin);
      equal(await records.exists('k'), false, 'the record');
    });

    test(
      'bad-ttl',
      'a time that is not a whole number of milliseconds from 1 to maxTtlMs is refused',
      expires,
      async (t) => {
        const records = await t.keyed();
        for (const ttlMs of [
          0,
          -1,
          1.5,
          maxTtlMs + 1,
          Number.NaN,
          Number.POSITIVE_INFINITY,
          '1000' as never,
          null as never,
        ]) {
          await rejects(() => records.store('k', 1, { ttlMs }), 'invalid_argument', `store with ttlMs ${ttlMs}`);
          if ('touch' in records && ttlMs !== null)
            await rejects(
              () => (records as { touch(key: string, options: object): Promise<boolean> }).touch('k', { ttlMs }),
              'invalid_argument',
              `touch with ttlMs ${ttlMs}`,
            );
        }
        equal(await records.exists('k'), false, 'the record');
      },
    );

    test(
      'no-ttl',
      'where there is no expiry, ttlMs is unsupported and nothing is stored',
      records((flags) => flags.ttl === false),
      async (t) => {
        const records = await t.keyed();
        await rejects(() => records.store('k', 1, { ttlMs: 1000 }), 'unsupported', 'store with ttlMs');
        equal(await records.exists('k'), false, 'the record');
      },
    );
  },
);
