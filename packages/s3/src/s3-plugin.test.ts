import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { createS3, s3Plugin } from './index.ts';
import { connectS3 } from './s3-client.ts';

describe('s3Plugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(s3Plugin.fromEnv({})).toEqual({});
    expect(s3Plugin.fromEnv({ S3_URL: 's3://elsewhere' })).toEqual({ url: 's3://elsewhere' });
  });

  it('registers under its name', () => {
    expect(createRegistry([s3Plugin]).find('s3')).toBe(s3Plugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectS3('');
    const first = createS3({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createS3({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
