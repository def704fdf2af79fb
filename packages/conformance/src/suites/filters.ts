import { equal, ok, rejects } from '../assert.ts';
import { all, queries, store } from '../needs.ts';
import { illegalFilters } from '../properties/arbitraries.ts';
import { checkAlgebra, checkPages, checkRandomFilters, recordPaths, untyped } from '../properties/filter-properties.ts';
import { defineSuite, type Suite } from '../suite.ts';
import { deleteWhereTests } from './filter-deletes.ts';
import { subjectOf } from './filter-documents.ts';
import { operatorTests } from './filter-operators.ts';
import { pathTests } from './filter-paths.ts';

/** The filter language over records. */
export const filtersSuite: Suite = defineSuite('filters', store(), (test) => {
  operatorTests(test);
  pathTests(test);
  deleteWhereTests(test);

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
