import { describe, expect, test } from '@jest/globals';
import { planMigrations, type SchemaPart } from './migrations.ts';
import { postgresDialect } from './postgres.ts';
import { fieldIndexes, recordSchema } from './record-schema.ts';
import { sqliteDialect } from './sqlite.ts';
import { vectorSchema } from './vectors.ts';

const part: SchemaPart = {
  name: 'things',
  migrations: [
    { version: 1, statements: () => ['one'] },
    { version: 2, statements: () => ['two', 'three'] },
  ],
};

describe('migrations', () => {
  test('run forward from what is there', () => {
    const from = (found: number): readonly string[] =>
      planMigrations(sqliteDialect, [part], new Map([['things', found]]), 'auto').flatMap(
        ({ statements }) => statements,
      );
    expect(from(0)).toEqual(['one', 'two', 'three']);
    expect(from(1)).toEqual(['two', 'three']);
    expect(from(2)).toEqual([]);
  });

  test('a newer schema is refused with both versions', () => {
    expect(() => planMigrations(sqliteDialect, [part], new Map([['things', 3]]), 'auto')).toThrow(
      /'things' has version 3, this release knows version 2/,
    );
    expect(planMigrations(sqliteDialect, [part], new Map([['things', 3]]), 'off')).toEqual([]);
  });

  test('verify refuses what would have to be changed', () => {
    expect(() => planMigrations(sqliteDialect, [part], new Map(), 'verify')).toThrow(
      expect.objectContaining({ code: 'version_mismatch' }),
    );
  });

  test.each([recordSchema, vectorSchema])(
    'the steps of $name are numbered without gaps, for both dialects',
    ({ migrations }) => {
      expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, index) => index + 1));
      for (const dialect of [sqliteDialect, postgresDialect]) {
        for (const statement of migrations.flatMap((step) => step.statements(dialect)))
          expect(statement).toMatch(
            dialect === postgresDialect ? /^(CREATE|ALTER TABLE) / : /^(CREATE|ALTER TABLE \w+ ADD COLUMN) /,
          );
      }
    },
  );

  test('names of indexes that PostgreSQL would cut are told apart', () => {
    const names = ['a', 'b'].flatMap((end) => {
      const field = `data.${'x'.repeat(80)}${end}`;
      return fieldIndexes(postgresDialect, field, { kind: 'json', column: 'data', path: [field.slice(5)] });
    });
    expect(new Set(names.map(({ name }) => name)).size).toBe(6);
    for (const { name } of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });

  test('indexes of a field', () => {
    const target = { kind: 'json', column: 'data', path: ['a'] } as const;
    expect(fieldIndexes(sqliteDialect, 'data.a', target).map(({ name }) => name)).toEqual([
      'storage_records_by_data.a',
      'storage_records_by_data.a (arrays)',
    ]);
    expect(fieldIndexes(sqliteDialect, 'data.q', { ...target, path: ['q"'] })).toEqual([]);
    expect(fieldIndexes(postgresDialect, 'data.a', target).map(({ name }) => name)).toEqual([
      'storage_records_by_data.a',
      'storage_records_by_data.a (numbers)',
      'storage_records_by_data.a (arrays)',
    ]);
    expect(fieldIndexes(postgresDialect, 'data', { ...target, path: [] })).toEqual([
      {
        name: 'storage_records_by_data',
        statement:
          'CREATE INDEX IF NOT EXISTS "storage_records_by_data" ON storage_records USING gin (data jsonb_path_ops)',
      },
    ]);
  });
});
