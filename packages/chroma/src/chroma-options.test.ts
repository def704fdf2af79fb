import { describe, expect, it } from '@jest/globals';
import { isStorageError } from '@storage/core';
import type { ChromaClient } from 'chromadb';
import { toSettings } from './chroma-options.ts';
import { createChroma } from './index.ts';

function refusedPath(options: object): unknown {
  try {
    createChroma(options);
    return 'taken';
  } catch (error) {
    expect(isStorageError(error, 'invalid_argument')).toBe(true);
    return (error as { details?: { path?: unknown } }).details?.path;
  }
}

describe('options', () => {
  it('has defaults, and takes an address whole or in parts', () => {
    expect(toSettings()).toMatchObject({
      target: { host: 'localhost', port: 8000, ssl: false },
      tenant: 'default_tenant',
      database: 'default_database',
      hnsw: { efConstruction: 200, efSearch: 300, maxNeighbors: 32 },
      headers: {},
    });
    expect(toSettings({ url: 'https://chroma.example' }).target).toEqual({
      host: 'chroma.example',
      port: 443,
      ssl: true,
    });
    expect(toSettings({ url: 'http://[::1]:9000/' }).target).toEqual({ host: '[::1]', port: 9000, ssl: false });
    expect(toSettings({ host: 'c', port: 1, ssl: true }).target).toEqual({ host: 'c', port: 1, ssl: true });
    expect(toSettings({ persistDirectory: 'x' }).target).toBeUndefined();
    expect(toSettings({ authToken: 't', headers: { a: 'b' } }).headers).toEqual({ a: 'b', 'x-chroma-token': 't' });
  });

  it('refuses what is wrong by its name', () => {
    const client = { collection: () => undefined } as unknown as ChromaClient;
    for (const [options, path] of [
      [{ url: 'localhost:8000' }, 'url'],
      [{ url: 'http://user:word@host' }, 'url'],
      [{ url: 'http://host/api' }, 'url'],
      [{ url: 'http://host', port: 1 }, 'url'],
      [{ port: 0 }, 'port'],
      [{ port: 1.5 }, 'port'],
      [{ host: 'http://host' }, 'host'],
      [{ host: '' }, 'host'],
      [{ ssl: 'yes' }, 'ssl'],
      [{ authToken: 5 }, 'authToken'],
      [{ tenant: '' }, 'tenant'],
      [{ persistDirectory: '' }, 'persistDirectory'],
      [{ persistDirectory: 'x', host: 'y' }, 'persistDirectory'],
      [{ client: {} }, 'client'],
      [{ client, tenant: 'x' }, 'tenant'],
      [{ hnsw: { efSearch: 0 } }, 'hnsw.efSearch'],
      [{ headers: { a: 5 } }, 'headers.a'],
    ] as const)
      expect([options, refusedPath(options)]).toEqual([options, path]);
  });
});
