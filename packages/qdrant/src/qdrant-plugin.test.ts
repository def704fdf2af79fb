import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createQdrant, qdrantPlugin } from './index.ts';
import { connectQdrant } from './qdrant-client.ts';

describe('qdrantPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(qdrantPlugin.fromEnv({})).toEqual({});
    expect(qdrantPlugin.fromEnv({ QDRANT_URL: 'qdrant://elsewhere' })).toEqual({ url: 'qdrant://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([qdrantPlugin]).find('qdrant')).toBe(qdrantPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectQdrant('');
    const first = createQdrant({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createQdrant({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
