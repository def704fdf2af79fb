import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createPgvector, pgvectorPlugin } from './index.ts';
import { pgvectorSettings } from './pgvector-options.ts';

describe('pgvectorPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(pgvectorPlugin.fromEnv({})).toEqual({});
    expect(
      pgvectorPlugin.fromEnv({
        POSTGRES_HOST: 'db',
        POSTGRES_PORT: '5433',
        POSTGRES_SCHEMA: 'agents',
        PGVECTOR_INDEX_TYPE: 'ivfflat',
        PGVECTOR_LISTS: '50',
        PGVECTOR_M: '8',
        PGVECTOR_EF_CONSTRUCTION: '40',
        PGVECTOR_EF_SEARCH: '200',
        PGVECTOR_PROBES: '5',
        PGVECTOR_LANGUAGE: 'english',
      }),
    ).toEqual({
      host: 'db',
      port: 5433,
      schema: 'agents',
      index: { type: 'ivfflat', lists: 50, m: 8, efConstruction: 40 },
      efSearch: 200,
      probes: 5,
      language: 'english',
    });
    expect(pgvectorPlugin.fromEnv({ POSTGRES_URL: 'postgres://elsewhere' })).toEqual({ url: 'postgres://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([pgvectorPlugin]).find('pgvector')).toBe(pgvectorPlugin);
  });
});

describe('the options', () => {
  it('have the defaults of a local server, and an index that needs no training', () => {
    const { where, schema, index, buildAt, efSearch, language } = pgvectorSettings();
    expect([where, schema, buildAt, efSearch, language]).toEqual([
      'localhost:5432/postgres',
      'public',
      1000,
      200,
      'simple',
    ]);
    expect(index).toEqual({ type: 'hnsw', m: 16, efConstruction: 64, lists: 100, quantization: undefined });
  });

  it.each([
    [{ index: 'hnsw' }, 'index'],
    [{ index: { type: 'flat' } }, 'index.type'],
    [{ index: { m: 1 } }, 'index.m'],
    [{ index: { m: 40, efConstruction: 64 } }, 'index.efConstruction'],
    [{ index: { lists: 0 } }, 'index.lists'],
    [{ index: { lists: 1.5 } }, 'index.lists'],
    [{ index: { quantization: 'product' } }, 'index.quantization'],
    [{ index: { rescore: 0 } }, 'index.rescore'],
    [{ index: { buildAt: -1 } }, 'index.buildAt'],
    [{ efSearch: 1001 }, 'efSearch'],
    [{ probes: 0 }, 'probes'],
    [{ language: "simple'; DROP" }, 'language'],
    [{ language: '' }, 'language'],
    [{ schema: '' }, 'schema'],
    [{ url: 'http://x' }, 'url'],
    [{ migrate: 'maybe' }, 'migrate'],
  ])('refuses %j at once, and names %s', (options, path) => {
    expect(() => createPgvector(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: expect.objectContaining({ path }) }),
    );
  });
});
