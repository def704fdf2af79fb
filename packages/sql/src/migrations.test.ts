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
          expect(statement).toMatch(/^CREATE /);
      }
    },
  );

  test('indexes of a field', () => {
    const target = { kind: 'json', column: 'data', path: ['a'] } as const;
    expect(fieldIndexes(sqliteDialect, 'data.a', target).map(({ name }) => name)).toEqual([
      'storage_records_by_data.a',
      'storage_records_by_data.a (arrays)',
    ]);
    expect(fieldIndexes(sqliteDialect, 'data.q', { ...target, path: ['q"'] })).toEqual([]);
    expect(fieldIndexes(postgresDialect, 'data.a', target)).toHaveLength(1);
  });
});
