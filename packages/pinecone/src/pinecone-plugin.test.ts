import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createPinecone, pineconePlugin } from './index.ts';
import { connectPinecone } from './pinecone-client.ts';

describe('pineconePlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(pineconePlugin.fromEnv({})).toEqual({});
    expect(pineconePlugin.fromEnv({ PINECONE_URL: 'pinecone://elsewhere' })).toEqual({ url: 'pinecone://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([pineconePlugin]).find('pinecone')).toBe(pineconePlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectPinecone('');
    const first = createPinecone({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createPinecone({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
