import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createRedis, redisPlugin } from './index.ts';
import { connectRedis } from './redis-client.ts';

describe('redisPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(redisPlugin.fromEnv({})).toEqual({});
    expect(redisPlugin.fromEnv({ REDIS_URL: 'redis://elsewhere' })).toEqual({ url: 'redis://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([redisPlugin]).find('redis')).toBe(redisPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectRedis('');
    const first = createRedis({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createRedis({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
