import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { normalizeFilter, splitPath } from '@storage/core/filter';
import {
  compileRecordFilter,
  countRecords,
  pageRecords,
  removeRecords,
  rowColumns,
  type SqlFragment,
  sqliteDialect,
} from '@storage/sql';
import Database from 'better-sqlite3';
import { SqliteConnection } from './sqlite-connection.ts';
import { applySchema } from './sqlite-schema.ts';

const fields = ['data.user.age', 'metadata.event_type', 'updatedAt'];

describe('indexes of declared fields', () => {
  let connection: SqliteConnection;
  beforeEach(() => {
    connection = new SqliteConnection(new Database(':memory:'));
    applySchema(connection, {
      mode: 'auto',
      readOnly: false,
      fields: fields.map((name) => ({ name, path: splitPath(name) })),
    });
  });
  afterEach(() => connection.close());

  function plan({ text, params }: SqlFragment): string {
    const rows = connection.database
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
      .all(...params);
    return rows.map((row) => row.detail).join('\n');
  }

  function compiled(filter: object): NonNullable<ReturnType<typeof compileRecordFilter>['native']> {
    const { native, precision } = compileRecordFilter(sqliteDialect, normalizeFilter(filter), (path) =>
      fields.includes(path.join('.')),
    );
    expect(precision).toBe('exact');
    if (native === undefined) throw new Error('nothing was compiled');
    return native;
  }

  function pagePlan(filter: object): string {
    const page = {
      namespace: 'a',
      now: 0,
      prefix: '',
      filter: compiled(filter),
      sort: [],
      after: { key: 'k', sort: [] },
      limit: 10,
    };
    return plan(pageRecords(sqliteDialect, rowColumns(sqliteDialect), page));
  }

  test.each([
    [{ 'data.user.age': 30 }],
    [{ 'metadata.event_type': 'login' }],
    [{ 'metadata.event_type': 'login', 'data.name': { $ne: 'x' } }],
  ])('equality %j is answered in the order of the keys, without a sort', (filter) => {
    const detail = pagePlan(filter);
    const name = 'data.user.age' in filter ? 'data.user.age' : 'metadata.event_type';
    expect(detail).toContain(`USING INDEX storage_records_by_${name} (namespace=? AND <expr>=? AND key>?)`);
    expect(detail).toContain(`storage_records_by_${name} (arrays) (namespace=?`);
    expect(detail).not.toContain('TEMP B-TREE');
  });

  test.each([
    [{ 'data.user.age': { $gte: 18, $lt: 30 } }],
    [{ 'data.user.age': { $in: [1, 2, 3] } }],
    [{ 'metadata.event_type': { $startsWith: 'log' } }],
  ])('a range or list %j seeks in the index', (filter) => {
    const detail = pagePlan(filter);
    expect(detail).toMatch(/storage_records_by_\S+ \(namespace=\? AND <expr>/);
    expect(detail).toMatch(/storage_records_by_\S+ \(arrays\) \(namespace=\?/);
    expect(detail).not.toContain('autoindex');
  });

  test('a range of times seeks in its index', () => {
    expect(pagePlan({ updatedAt: { $gte: '2024-01-01' } })).toContain(
      'storage_records_by_updatedAt (namespace=? AND updated_at>?',
    );
  });

  test('counts and deletes use it too', () => {
    const selection = { namespace: 'a', now: 0, filter: compiled({ 'data.user.age': 30 }) };
    for (const statement of [countRecords(selection), ...removeRecords(selection)]) {
      expect(plan(statement)).toMatch(/storage_records_by_data.user.age (\(namespace=\? AND <expr>=\?|\(arrays\))/);
    }
  });

  test('without a filter, pages and prefixes are ranges of the primary key', () => {
    const page = {
      namespace: 'a',
      now: 0,
      prefix: 'p',
      filter: undefined,
      sort: [],
      after: { key: 'pk', sort: [] },
      limit: 10,
    };
    const detail = plan(pageRecords(sqliteDialect, rowColumns(sqliteDialect), page));
    expect(detail).toContain('sqlite_autoindex_storage_records_1 (namespace=? AND key>? AND key<?)');
    expect(detail).not.toContain('TEMP B-TREE');
  });
});
