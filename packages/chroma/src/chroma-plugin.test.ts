import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { connectChroma } from './chroma-client.ts';
import { chromaPlugin, createChroma } from './index.ts';

describe('chromaPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(chromaPlugin.fromEnv({})).toEqual({});
    expect(chromaPlugin.fromEnv({ CHROMA_URL: 'chroma://elsewhere' })).toEqual({ url: 'chroma://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([chromaPlugin]).find('chroma')).toBe(chromaPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectChroma('');
    const first = createChroma({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createChroma({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
