import { update } from '@storage/core';
import { different, equal, ok, rejects } from '../assert.ts';
import { records } from '../needs.ts';
import { checkLinearizable } from '../properties/linearizability.ts';
import { defineSuite, type Suite } from '../suite.ts';

const conditional = records((flags) => flags.conditional !== 'none');

/** ifAbsent, ifMatch and etags. */
export const conditionalWritesSuite: Suite = defineSuite(
  'conditional-writes',
  records(() => true),
  (test) => {
    test('if-absent-stores', 'ifAbsent stores where there is no record', conditional, async (t) => {
      const records = await t.keyed();
      await records.store('k', 1, { ifAbsent: true });
      equal((await records.retrieve('k'))?.data, 1, 'data');
      await records.delete('k');
      await records.store('k', 2, { ifAbsent: true });
      equal((await records.retrieve('k'))?.data, 2, 'data after delete and store');
    });

    test(
      'if-absent-keeps',
      'ifAbsent is already_exists where there is one, and changes nothing',
      conditional,
      async (t) => {
        const records = await t.keyed();
        const info = await records.store('k', 1, { metadata: { m: 1 } });
        const error = await rejects(
          () => records.store('k', 2, { ifAbsent: true }),
          'already_exists',
          'store with ifAbsent',
        );
        equal(error.applied, 'no', 'applied');
        if (error.details?.['etag'] !== undefined) equal(error.details['etag'], info.etag, 'details.etag');
        const read = await records.retrieve('k');
        equal([read?.data, read?.etag], [1, info.etag], 'data and etag');
      },
    );

    test('if-match-stores', 'ifMatch stores over the record that has the etag', conditional, async (t) => {
      const records = await t.keyed();
      const first = await records.store('k', 1);
      const second = await records.store('k', 2, { ifMatch: first.etag });
      different(second.etag, first.etag, 'etag of the second');
      equal((await records.retrieve('k'))?.data, 2, 'data');
      await records.store('k', 3, { ifMatch: second.etag });
      equal((await records.retrieve('k'))?.data, 3, 'data of the third');
    });

    test('if-match-stale', 'ifMatch with an old etag is conflict, and changes nothing', conditional, async (t) => {
      const records = await t.keyed();
      const first = await records.store('k', 1);
      const second = await records.store('k', 2);
      const error = await rejects(
        () => records.store('k', 3, { ifMatch: first.etag }),
        'conflict',
        'store with an old etag',
      );
      equal(error.applied, 'no', 'applied');
      const read = await records.retrieve('k');
      equal([read?.data, read?.etag], [2, second.etag], 'data and etag');
      await rejects(
        () => records.store('k', 3, { ifMatch: 'never-an-etag' }),
        'conflict',
        'store with an etag that never was',
      );
    });

    test('if-match-gone', 'ifMatch on a record that is gone is conflict, and makes none', conditional, async (t) => {
      const records = await t.keyed();
      const { etag } = await records.store('k', 1);
      await records.delete('k');
      await rejects(() => records.store('k', 2, { ifMatch: etag }), 'conflict', 'store');
      if (t.recordFlags.conditionalDelete)
        await rejects(() => records.delete('k', { ifMatch: etag }), 'conflict', 'delete');
      equal(await records.exists('k'), false, 'the record');
    });

    test(
      'delete-if-match',
      'delete with ifMatch deletes the record that has the etag and no other',
      records((flags) => flags.conditionalDelete),
      async (t) => {
        const records = await t.keyed();
        const first = await records.store('k', 1);
        const second = await records.store('k', 2);
        const error = await rejects(
          () => records.delete('k', { ifMatch: first.etag }),
          'conflict',
          'delete with an old etag',
        );
        equal(error.applied, 'no', 'applied');
        equal((await records.retrieve('k'))?.data, 2, 'data');
        equal(await records.delete('k', { ifMatch: second.etag }), true, 'delete with the etag');
        equal(await records.exists('k'), false, 'the record');
      },
    );

    test('etag-is-told', 'store, retrieve and lists tell the same etag', conditional, async (t) => {
      const records = await t.keyed();
      const info = await records.store('k', 1);
      ok(info.etag.length > 0, 'an etag is not empty');
      equal((await records.retrieve('k'))?.etag, info.etag, 'etag of retrieve');
      const [many] = await records.retrieveMany(['k']);
      equal(many?.etag, info.etag, 'etag of retrieveMany');
      if (!('list' in records) || t.recordFlags.list === 'none') return;
      const { items } = await (records as Awaited<ReturnType<typeof t.store>>).list({ include: 'info' });
      equal(items[0]?.info?.etag, info.etag, 'etag of list');
    });

    test('etag-changes-with-data', 'other data has another etag', conditional, async (t) => {
      const records = await t.keyed();
      const etags = new Set<string>();
      for (let round = 0; round < 10; round++) etags.add((await records.store('k', round)).etag);
      equal(etags.size, 10, 'how many etags ten different values had');
    });

    test(
      'etag-changes-with-metadata',
      'other metadata has another etag',
      records((flags) => flags.conditional === 'record' && flags.metadata),
      async (t) => {
        const records = await t.keyed();
        const first = await records.store('k', 1, { metadata: { a: 1 } });
        const second = await records.store('k', 1, { metadata: { a: 2 } });
        different(second.etag, first.etag, 'etag');
        await rejects(
          () => records.store('k', 2, { ifMatch: first.etag }),
          'conflict',
          'store with the etag of the metadata before',
        );
      },
    );

    test(
      'etag-does-not-return',
      'an etag of a deleted record does not fit a later one of other data',
      conditional,
      async (t) => {
        const records = await t.keyed();
        const first = await records.store('k', 'first');
        await records.delete('k');
        const second = await records.store('k', 'second');
        different(second.etag, first.etag, 'etag of the later record');
        await rejects(
          () => records.store('k', 3, { ifMatch: first.etag }),
          'conflict',
          'store with the etag of the deleted one',
        );
      },
    );

    test('both-conditions', 'ifAbsent together with ifMatch is refused', conditional, async (t) => {
      const records = await t.keyed();
      await rejects(
        () => records.store('k', 1, { ifAbsent: true, ifMatch: 'x' }),
        'invalid_argument',
        'store with both',
      );
      equal(await records.exists('k'), false, 'the record');
    });

    test(
      'if-absent-race',
      'of callers that store with ifAbsent at once, exactly one wins, and its data is there',
      conditional,
      async (t) => {
        const records = await t.keyed();
        for (let round = 0; round < 5; round++) {
          const tries = Array.from({ length: 20 }, (_, caller) =>
            records.store(`k${round}`, caller, { ifAbsent: true }).then(
              () => caller,
              () => -1,
            ),
          );
          const winners = (await Promise.all(tries)).filter((caller) => caller >= 0);
          equal(winners.length, 1, 'how many won');
          equal((await records.retrieve(`k${round}`))?.data, winners[0], 'data');
        }
      },
    );

    test(
      'if-match-race',
      'of callers that store with the same etag at once, exactly one wins',
      conditional,
      async (t) => {
        const records = await t.keyed();
        for (let round = 0; round < 5; round++) {
          const { etag } = await records.store('k', 'start');
          const tries = Array.from({ length: 20 }, (_, caller) =>
            records.store('k', caller, { ifMatch: etag }).then(
              () => caller,
              () => -1,
            ),
          );
          const winners = (await Promise.all(tries)).filter((caller) => caller >= 0);
          equal(winners.length, 1, 'how many won');
          equal((await records.retrieve('k'))?.data, winners[0], 'data');
        }
      },
    );

    test('no-lost-update', 'update() from many callers at once loses none', conditional, async (t) => {
      const records = await t.keyed();
      const increment = (): Promise<unknown> =>
        update<number>(records, 'k', (current) => ({ data: (current?.data ?? 0) + 1 }), { retries: 100 });
      await Promise.all(Array.from({ length: 25 }, increment));
      equal((await records.retrieve('k'))?.data, 25, 'the sum of 25 increments');
    });

    test(
      'linearizable',
      'random conditional and plain operations at once have an order that explains every answer',
      ({ consistency, records }) => consistency === 'strong' && records !== false && records.conditional !== 'none',
      checkLinearizable,
    );

    test(
      'no-conditional-delete',
      'where delete takes no condition, ifMatch is unsupported and nothing is deleted',
      records((flags) => !flags.conditionalDelete),
      async (t) => {
        const records = await t.keyed();
        const { etag } = await records.store('k', 1);
        await rejects(() => records.delete('k', { ifMatch: etag || 'x' }), 'unsupported', 'delete with ifMatch');
        equal(await records.exists('k'), true, 'the record');
      },
    );

    test(
      'unconditional-store',
      'where there are no conditions, etags are empty and conditions unsupported',
      records((flags) => flags.conditional === 'none'),
      async (t) => {
        const records = await t.keyed();
        equal((await records.store('k', 1)).etag, '', 'etag');
        await rejects(() => records.store('k', 2, { ifAbsent: true }), 'unsupported', 'ifAbsent');
        await rejects(() => records.store('k', 2, { ifMatch: 'x' }), 'unsupported', 'ifMatch');
        equal((await records.retrieve('k'))?.data, 1, 'data');
      },
    );
  },
);
