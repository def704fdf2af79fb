import { describe, expect, test } from '@jest/globals';
import { normalizeFilter } from '@storage/core/filter';
import { compileRecordFilter, compileSqlFilter, recordTarget } from './filter.ts';
import { postgresDialect, postgresDialectIn } from './postgres.ts';
import { sqliteDialect } from './sqlite.ts';

const dialects = { sqlite: sqliteDialect, postgres: postgresDialect };

function compile(name: keyof typeof dialects, filter: object): { text: string; params: readonly unknown[] } {
  const dialect = dialects[name];
  const { native, precision } = compileSqlFilter(dialect, normalizeFilter(filter), recordTarget);
  expect(precision).toBe('exact');
  return { text: dialect.placeholders(native?.text ?? ''), params: native?.params ?? [] };
}

describe('a filter as SQL', () => {
  test('SQLite guards the type, and looks into arrays', () => {
    expect(compile('sqlite', { 'data.user.age': { $gt: 5 } })).toEqual({
      text:
        `((json_type(data, '$."user"."age"') IN ('integer', 'real')) AND (json_extract(data, '$."user"."age"') > ? AND json_extract(data, '$."user"."age"') < ''))` +
        ` OR (json_type(data, '$."user"."age"') = 'array' AND EXISTS (SELECT 1 FROM json_each(data, '$."user"."age"') AS e WHERE (e.type IN ('integer', 'real')) AND (e.atom > ? AND e.atom < '')))`,
      params: [5, 5],
    });
  });

  test('PostgreSQL answers equality by containment', () => {
    expect(compile('postgres', { 'metadata.tag': 'x' })).toEqual({
      text: 'metadata @> $1::jsonb OR metadata @> $2::jsonb',
      params: ['{"tag":"x"}', '{"tag":["x"]}'],
    });
  });

  test('PostgreSQL compares numbers as jsonb and texts byte for byte', () => {
    expect(compile('postgres', { 'data.a': { $lt: 1.5 } }).text).toContain(
      `jsonb_typeof(data->'a') = 'number' AND data->'a' < $1::jsonb`,
    );
    expect(compile('postgres', { 'data.a': { $gt: 'x' } }).text).toContain(`(data->'a' #>> '{}') COLLATE "C" > $1`);
  });

  test.each(['sqlite', 'postgres'] as const)('%s: keys and operands never become SQL', (name) => {
    const evil = `x'); DROP TABLE storage_records; --`;
    const { text, params } = compile(name, { [`data.${evil.replaceAll('.', '\\.')}`]: evil });
    expect(text).not.toContain(`x'); DROP`);
    expect(params.some((param) => String(param).includes(evil))).toBe(true);
  });

  test('a question mark in a key is no parameter', () => {
    const { text, params } = compile('postgres', { 'data.what?': { $gt: 1 } });
    expect(text).toContain(`data->'what?' > $1::jsonb`);
    expect(text.match(/\$\d/g)).toHaveLength(params.length);
  });

  test.each(['sqlite', 'postgres'] as const)('%s: a complement is two-valued', (name) => {
    expect(compile(name, { 'data.a': { $ne: 1 } }).text).toMatch(/^\(.*\) IS NOT TRUE$/s);
  });

  test('keys that need an escape are compared as parameters in SQLite', () => {
    const { text, params } = compile('sqlite', { 'data.q"t': 1 });
    expect(text).toContain('k0.key = ?');
    expect(params[0]).toBe('q"t');
  });

  test('times are ranges of milliseconds', () => {
    const at = Date.parse('2024-05-01T12:00:00.000Z');
    expect(compile('sqlite', { createdAt: new Date(at) })).toEqual({ text: 'created_at = ?', params: [at] });
    expect(compile('sqlite', { updatedAt: { $startsWith: '2024-05' } })).toEqual({
      text: 'updated_at BETWEEN ? AND ?',
      params: [Date.parse('2024-05-01T00:00:00.000Z'), Date.parse('2024-06-01T00:00:00.000Z') - 1],
    });
    expect(compile('sqlite', { createdAt: { $gt: '2024-05-01T12:00:00Z' } }).params[0]).toBe(at + 1000);
    expect(compile('sqlite', { createdAt: 5 }).text).toBe('FALSE');
  });

  test('a field with an index has an arm for each type, which have no row in common', () => {
    const filter = normalizeFilter({ 'data.a': { $in: ['x', 1] }, 'data.b': true });
    const { native } = compileRecordFilter(sqliteDialect, filter, (path) => path.join('.') === 'data.a');
    expect(native?.arms).toHaveLength(3);
    expect(native?.seek).toBe('otherwise');
    expect(compileRecordFilter(sqliteDialect, filter, () => false).native?.seek).toBeUndefined();
  });

  test('a long list is one parameter', () => {
    const values = Array.from({ length: 30_000 }, (_, i) => i);
    const { text, params } = compile('sqlite', { 'data.a': { $in: values } });
    expect(text).toContain('IN (SELECT value FROM json_each(?))');
    expect(params).toHaveLength(2);
    expect(compile('postgres', { key: { $in: values.slice(0, 300).map(String) } }).params).toHaveLength(1);
  });

  test('many alternatives do not become a deep tree', () => {
    const filter = { $or: Array.from({ length: 200 }, (_, i) => ({ 'data.a': { $startsWith: `p${i}` } })) };
    const { text } = compile('sqlite', filter);
    let depth = 0;
    let deepest = 0;
    for (const character of text) {
      if (character === '(') deepest = Math.max(deepest, ++depth);
      else if (character === ')') depth--;
    }
    expect(deepest).toBeLessThan(20);
  });
});

describe('a filter that indexes of PostgreSQL serve', () => {
  function arms(filter: object): readonly string[] {
    const { native } = compileRecordFilter(
      postgresDialect,
      normalizeFilter(filter),
      (path) => path.join('.') === 'data.a',
    );
    return (native?.arms ?? []).map(({ text }) => text);
  }

  test('is taken apart by the kinds of values', () => {
    const [text, number, array, ...more] = arms({ 'data.a': { $in: ['x', 1] } });
    expect(text).toMatch(/CASE jsonb_typeof\(data->'a'\) WHEN 'string' THEN left\(.*, 256\) END\) COLLATE "C"/);
    expect(number).toMatch(/IN \('number', 'boolean'\).*= ANY/);
    expect(array).toMatch(/jsonb_typeof\(data->'a'\) = 'array'.*@>/);
    expect(more).toEqual([]);
  });

  test('has both ends of a range in one arm', () => {
    const [number, array] = arms({ 'data.a': { $gte: 1, $lt: 5 } });
    expect(number).toMatch(/>= \?::jsonb.*< \?::jsonb/);
    expect(array?.match(/EXISTS/g)).toHaveLength(2);
  });

  test('compares a long text with the start and with the whole', () => {
    const [short] = arms({ 'data.a': 'x'.repeat(255) });
    const [long] = arms({ 'data.a': { $gt: 'x'.repeat(256) } });
    expect(short).not.toContain(' AND ');
    expect(long).toMatch(/COLLATE "C"\) >= \?.* AND .*COLLATE "C" > \?/);
  });
});

test('tables of PostgreSQL are named with their schema, outside of quotes alone', () => {
  const { placeholders } = postgresDialectIn('my "own"');
  expect(placeholders(`SELECT 'storage_records' AS "storage_records" FROM storage_records WHERE key = ?`)).toBe(
    `SELECT 'storage_records' AS "storage_records" FROM "my ""own""".storage_records WHERE key = $1`,
  );
});
