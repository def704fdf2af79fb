import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createPgvector, pgvectorPlugin } from './index.ts';
import { connectPgvector } from './pgvector-client.ts';

describe('pgvectorPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(pgvectorPlugin.fromEnv({})).toEqual({});
    expect(pgvectorPlugin.fromEnv({ PGVECTOR_URL: 'pgvector://elsewhere' })).toEqual({ url: 'pgvector://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([pgvectorPlugin]).find('pgvector')).toBe(pgvectorPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectPgvector('');
    const first = createPgvector({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createPgvector({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
