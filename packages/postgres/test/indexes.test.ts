// What the server plans: the indexes are there to be used.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { normalizeFilter, splitPath } from '@storage/core/filter';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import {
  compileRecordFilter,
  countRecords,
  pageRecords,
  postgresDialectIn,
  postgresNow,
  type RecordFilterSql,
  removeSelection,
  rowColumns,
  type SqlFragment,
} from '@storage/sql';
import pg from 'pg';
import { createPostgres, type PostgresBackend } from '../src/index.ts';

const fields = ['data.user.age', 'data.tags', 'metadata.event_type', 'updatedAt'];
const count = 10_000;

await onService('postgres', ({ url }) => {
  const schema = randomName('plans');
  const dialect = postgresDialectIn(schema);
  const now = postgresNow(null, 'statement');
  let backend: PostgresBackend;
  let client: pg.Client;

  beforeAll(async () => {
    backend = createPostgres({ url, schema, fields: [...fields, 'metadata'] });
    await backend.open();
    client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let from = 0; from < count; from += 1000) {
      await backend.records.storeMany(
        Array.from({ length: 1000 }, (_, offset) => {
          const n = from + offset;
          return {
            key: `key-${String(n).padStart(6, '0')}`,
            data: { user: { age: n % 500, name: `n${n}` }, tags: [`t${n % 400}`, 'all'], text: 'x'.repeat(300) },
            metadata: { event_type: `type-${n % 300}`, source: `s${n % 250}` },
          };
        }),
      );
    }
    await client.query(`ANALYZE ${schema}.storage_records`);
  }, 60_000);

  afterAll(async () => {
    await backend.close();
    await client.end();
    await dropSchemas(url, [schema]);
  }, 30_000);

  async function plan({ text, params }: SqlFragment): Promise<string> {
    const { rows } = await client.query<[string]>({
      text: `EXPLAIN (COSTS OFF) ${dialect.placeholders(text)}`,
      values: [...params],
      rowMode: 'array',
    });
    return rows.map(([line]) => line).join('\n');
  }

  function compiled(filter: object): RecordFilterSql {
    const { native } = compileRecordFilter(dialect, normalizeFilter(filter), (path) => fields.includes(path.join('.')));
    if (native === undefined) throw new Error('nothing was compiled');
    return native;
  }

  function pageOf(filter: object | undefined, after?: string, prefix = ''): SqlFragment {
    return pageRecords(dialect, rowColumns(dialect), {
      namespace: '',
      now,
      prefix,
      filter: filter === undefined ? undefined : compiled(filter),
      sort: [],
      after: after === undefined ? undefined : { key: after, sort: [] },
      limit: 101,
    });
  }

  describe('plans of PostgreSQL', () => {
    it.each([
      [{ 'metadata.event_type': 'type-7' }, 'storage_records_by_metadata.event_type'],
      [{ 'metadata.event_type': { $in: ['type-7', 'type-8'] } }, 'storage_records_by_metadata.event_type'],
      [{ 'metadata.event_type': { $startsWith: 'type-29' } }, 'storage_records_by_metadata.event_type'],
      [{ 'metadata.event_type': { $gte: 'type-298' } }, 'storage_records_by_metadata.event_type'],
      [{ 'data.user.age': 30 }, 'storage_records_by_data.user.age (numbers)'],
      [{ 'data.user.age': { $in: [1, 2, 3] } }, 'storage_records_by_data.user.age (numbers)'],
      [{ 'data.user.age': { $gte: 100, $lt: 105 } }, 'storage_records_by_data.user.age (numbers)'],
      [{ 'data.tags': 't7' }, 'storage_records_by_data.tags (arrays)'],
      [{ 'metadata.event_type': 'type-7', 'data.user.name': { $ne: 'x' } }, 'storage_records_by_metadata.event_type'],
      // A whole root: equality on a path that is not declared for itself.
      [{ 'metadata.source': 's7' }, 'storage_records_by_metadata'],
    ])('serve %j by %s, on pages, counts and deletes', async (filter, index) => {
      const selection = { namespace: '', now, filter: compiled(filter) };
      for (const statement of [
        pageOf(filter),
        pageOf(filter, 'key-000100'),
        countRecords(selection),
        removeSelection(selection),
      ]) {
        const lines = await plan(statement);
        expect(lines).toContain(index.includes('.') ? `"${index}"` : index);
        expect(lines).not.toMatch(/Seq Scan on storage_records(?! record)/);
        // Every part of the filter has an index.
        expect(lines).not.toMatch(
          /using storage_records_pkey on storage_records( storage_records_\d)?\n *Index Cond: \(namespace = ''::text\)\n/,
        );
      }
    });

    it('seek both ends of a range at once', async () => {
      const lines = await plan(pageOf({ 'data.user.age': { $gte: 100, $lt: 105 } }));
      expect(lines).toMatch(/Index Cond: .*>= '100'::jsonb.*< '105'::jsonb/);
    });

    it('seek times in their index', async () => {
      expect(await plan(pageOf({ updatedAt: { $lt: '2000-01-01' } }))).toMatch(/"storage_records_by_updatedAt"/);
    });

    it('read pages and prefixes as ranges of the primary key, in order, without a sort', async () => {
      for (const page of [pageOf(undefined), pageOf(undefined, 'key-009000'), pageOf(undefined, 'key-005', 'key-00')]) {
        const lines = await plan(page);
        expect(lines).toMatch(/Index Scan using storage_records_pkey/);
        expect(lines).not.toMatch(/Sort|Seq Scan/);
      }
      expect(await plan(pageOf(undefined, undefined, 'key-005'))).toMatch(
        /Index Cond: .*key >= 'key-005'.*key < 'key-006'/,
      );
    });

    it('read a page from the depths as quickly as the first', async () => {
      async function buffers(page: SqlFragment): Promise<number> {
        const { rows } = await client.query<[string]>({
          text: `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) ${dialect.placeholders(page.text)}`,
          values: [...page.params],
          rowMode: 'array',
        });
        const line = rows.map(([text]) => text).find((text) => text.includes('Buffers: shared hit='));
        return Number(/hit=(\d+)/.exec(line ?? '')?.[1]) + Number(/read=(\d+)/.exec(line ?? '')?.[1] ?? 0);
      }
      await plan(pageOf(undefined));
      const first = await buffers(pageOf(undefined));
      const deep = await buffers(pageOf(undefined, 'key-009800'));
      expect(first).toBeGreaterThan(0);
      expect(deep).toBeLessThan(first * 1.5 + 10);
    });

    it('answer what a scan answers, whichever way the planner goes', async () => {
      const filter = { 'data.user.age': { $gte: 100, $lt: 103 }, 'data.tags': 'all' } as never;
      const found = await backend.records.query({ filter, limit: 1000 });
      expect(found.items).toHaveLength(60);
      expect(splitPath('data.tags')).toEqual(['data', 'tags']);
    });
  });
});
