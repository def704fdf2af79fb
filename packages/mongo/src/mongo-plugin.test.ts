import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createMongo, mongoPlugin } from './index.ts';
import { connectMongo } from './mongo-client.ts';

describe('mongoPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(mongoPlugin.fromEnv({})).toEqual({});
    expect(mongoPlugin.fromEnv({ MONGO_URL: 'mongo://elsewhere' })).toEqual({ url: 'mongo://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([mongoPlugin]).find('mongo')).toBe(mongoPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectMongo('');
    const first = createMongo({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createMongo({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
