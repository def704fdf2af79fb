import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { filesystemPlugin } from './index.ts';

describe('filesystemPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(filesystemPlugin.fromEnv({})).toEqual({});
    expect(filesystemPlugin.fromEnv({ FILESYSTEM_PATH: './data', FILESYSTEM_LAYOUT: 'safe' })).toEqual({
      basePath: './data',
      layout: 'safe',
    });
  });

  it.each(['filesystem', 'file_system'])('is found as %s', (name) => {
    expect(createRegistry([filesystemPlugin]).find(name)).toBe(filesystemPlugin);
  });
});
