import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createSample, samplePlugin } from './index.ts';
import { connectSample } from './sample-client.ts';

describe('samplePlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(samplePlugin.fromEnv({})).toEqual({});
    expect(samplePlugin.fromEnv({ SAMPLE_URL: 'sample://elsewhere' })).toEqual({ url: 'sample://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([samplePlugin]).find('sample')).toBe(samplePlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectSample('');
    const first = createSample({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createSample({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
