import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createPostgres, postgresPlugin } from './index.ts';
import { postgresSettings } from './postgres-options.ts';

describe('postgresPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(postgresPlugin.fromEnv({})).toEqual({});
    expect(
      postgresPlugin.fromEnv({
        POSTGRES_HOST: 'db',
        POSTGRES_PORT: '5433',
        POSTGRES_DB: 'app',
        POSTGRES_USER: 'me',
        POSTGRES_PASSWORD: 'secret',
        POSTGRES_SCHEMA: 'agents',
        POSTGRES_FIELDS: 'data.a, metadata.b',
      }),
    ).toEqual({
      host: 'db',
      port: 5433,
      database: 'app',
      user: 'me',
      password: 'secret',
      schema: 'agents',
      fields: ['data.a', 'metadata.b'],
    });
    expect(postgresPlugin.fromEnv({ POSTGRES_URL: 'postgres://elsewhere' })).toEqual({ url: 'postgres://elsewhere' });
  });

  it('registers under its name, and is found by its aliases', () => {
    const registry = createRegistry([postgresPlugin]);
    for (const name of ['postgres', 'postgresql', 'pg']) expect(registry.find(name)).toBe(postgresPlugin);
  });
});

describe('the options', () => {
  it('has the defaults of a local server', () => {
    const { where, schema, poolSize, namedStatements, migrate } = postgresSettings();
    expect([where, schema, poolSize, namedStatements, migrate]).toEqual([
      'localhost:5432/postgres',
      'public',
      10,
      true,
      'auto',
    ]);
  });

  it('tells where the server is without user and password', () => {
    const { where } = postgresSettings({ url: 'postgres://me:secret@db.example:6543/app?sslmode=disable' });
    expect(where).toBe('db.example:6543/app');
  });

  it.each([
    [{ host: '' }, 'host'],
    [{ port: 0 }, 'port'],
    [{ port: Number.NaN }, 'port'],
    [{ database: 'x'.repeat(64) }, 'database'],
    [{ schema: 'é'.repeat(32) }, 'schema'],
    [{ schema: '' }, 'schema'],
    [{ url: 'mysql://localhost' }, 'url'],
    [{ url: 'postgres://a', host: 'b' }, 'host'],
    [{ url: 'postgres://a', connectionString: 'postgres://a' }, 'connectionString'],
    [{ pool: {} as never }, 'pool'],
    [{ poolSize: 0 }, 'poolSize'],
    [{ namedStatements: 1 as never }, 'namedStatements'],
    [{ migrate: 'no' as never }, 'migrate'],
    [{ fields: ['user.age'] }, 'fields[0]'],
    [{ maxValueBytes: 1e9 }, 'maxValueBytes'],
  ])('refuses %j at once, and names it', (options, path) => {
    expect(() => createPostgres(options)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: expect.objectContaining({ path }) }),
    );
  });
});
