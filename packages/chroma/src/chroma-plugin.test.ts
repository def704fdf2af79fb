import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '@storage/core';
import { chromaPlugin } from './index.ts';

describe('chromaPlugin', () => {
  it('reads its options from the variables that are there', () => {
    expect(chromaPlugin.fromEnv({})).toEqual({});
    expect(chromaPlugin.fromEnv({ CHROMA_URL: 'http://chroma:8000' })).toEqual({ url: 'http://chroma:8000' });
    expect(
      chromaPlugin.fromEnv({
        CHROMA_HOST: 'chroma',
        CHROMA_PORT: '8001',
        CHROMA_AUTH_TOKEN: 't',
        CHROMA_TENANT: 'acme',
      }),
    ).toEqual({ host: 'chroma', port: 8001, authToken: 't', tenant: 'acme' });
    expect(chromaPlugin.fromEnv({ ATLAS_VECTOR_CHROMA_PERSIST_DIR: './chroma' })).toEqual({
      persistDirectory: './chroma',
    });
    expect(() => chromaPlugin.fromEnv({ CHROMA_PORT: 'x' })).toThrow('CHROMA_PORT');
  });

  it('registers under its name', () => {
    expect(createRegistry([chromaPlugin]).find('chroma')).toBe(chromaPlugin);
  });
});
