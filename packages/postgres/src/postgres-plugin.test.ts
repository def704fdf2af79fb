import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createPostgres, postgresPlugin } from './index.ts';
import { connectPostgres } from './postgres-client.ts';

describe('postgresPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(postgresPlugin.fromEnv({})).toEqual({});
    expect(postgresPlugin.fromEnv({ POSTGRES_URL: 'postgres://elsewhere' })).toEqual({ url: 'postgres://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([postgresPlugin]).find('postgres')).toBe(postgresPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectPostgres('');
    const first = createPostgres({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createPostgres({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
