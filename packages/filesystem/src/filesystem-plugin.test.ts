import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { connectFilesystem } from './filesystem-client.ts';
import { createFilesystem, filesystemPlugin } from './index.ts';

describe('filesystemPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(filesystemPlugin.fromEnv({})).toEqual({});
    expect(filesystemPlugin.fromEnv({ FILESYSTEM_URL: 'filesystem://elsewhere' })).toEqual({
      url: 'filesystem://elsewhere',
    });
  });

  it('registers under its name', () => {
    expect(createRegistry([filesystemPlugin]).find('filesystem')).toBe(filesystemPlugin);
  });

  it('leaves an injected client open', async () => {
    const client = await connectFilesystem('');
    const first = createFilesystem({ client });
    await first.open();
    await first.records.store('a', 1);
    await first.close();
    await using second = createFilesystem({ client });
    await second.open();
    expect((await second.records.retrieve('a'))?.data).toBe(1);
  });
});
