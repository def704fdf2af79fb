import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { qdrantPlugin } from './index.ts';

describe('qdrantPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(qdrantPlugin.fromEnv({})).toEqual({});
    expect(
      qdrantPlugin.fromEnv({
        QDRANT_URL: 'http://elsewhere:6333',
        QDRANT_API_KEY: 'secret',
        QDRANT_COLLECTION: 'docs',
      }),
    ).toEqual({ url: 'http://elsewhere:6333', apiKey: 'secret', collectionName: 'docs' });
  });

  it('registers under its name', () => {
    expect(createRegistry([qdrantPlugin]).find('qdrant')).toBe(qdrantPlugin);
  });
});
