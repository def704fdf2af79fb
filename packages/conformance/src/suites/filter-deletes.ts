import { equal, ok, rejects, sameSet } from '../assert.ts';
import { all, queries, store } from '../needs.ts';
import { untyped } from '../properties/filter-properties.ts';
import type { AddTest } from '../suite.ts';
import { shapes, without } from './filter-documents.ts';

/** Deleting by filter. */
export function deleteWhereTests(test: AddTest): void {
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
}
