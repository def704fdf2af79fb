import { describe, expect, test } from '@jest/globals';
import { type Backend, definePlugin, type FacetToken, StorageError } from '@storage/core';
import { conversationsFacet } from '@storage/domain';
import { StorageManager } from './index.ts';

interface Probe {
  readonly backend: Backend;
  readonly calls: string[];
}

/** A backend that writes down what it is asked. */
function probe(fail: { times: number } = { times: 0 }): Probe {
  const calls: string[] = [];
  const backend = {
    name: 'probe',
    facet: <T>({ id }: FacetToken<T>) => {
      calls.push(id);
      return (id === conversationsFacet.id ? { id } : undefined) as T | undefined;
    },
    open: async () => {
      calls.push('open');
      await new Promise((resolve) => setImmediate(resolve));
      if (fail.times-- > 0) throw new StorageError({ code: 'unavailable', message: 'Not now.' });
    },
    close: async () => void calls.push('close'),
    health: async () => ({ name: 'probe', status: 'healthy', latencyMs: 0, details: {}, checkedAt: new Date() }),
  };
  return { backend: backend as unknown as Backend, calls };
}

describe('a manager', () => {
  test('opens once, makes each store once, and closes', async () => {
    const { backend, calls } = probe();
    const manager = new StorageManager({ backend });
    expect(calls).toEqual([]);
    expect(manager.isInitialized).toBe(false);
    await Promise.all([manager.initialize(), manager.initialize()]);
    expect(manager.isInitialized).toBe(true);
    expect(manager.conversations).toBe(manager.conversations);
    expect(await manager.healthCheck()).toMatchObject({ status: 'healthy' });
    await manager.shutdown();
    await manager.shutdown();
    expect(calls).toEqual(['open', 'conversations/1', 'close', 'close']);
    expect(manager.isInitialized).toBe(false);
  });

  test('refuses a store before it is open, after it is closed, and where there is none', async () => {
    const manager = new StorageManager({ backend: probe().backend });
    expect(() => manager.kv).toThrow(expect.objectContaining({ code: 'not_initialized' }));
    expect(await manager.healthCheck()).toMatchObject({ name: 'probe', status: 'unknown' });
    await manager.initialize();
    expect(() => manager.kv).toThrow(expect.objectContaining({ code: 'unsupported', details: { facet: 'kv/1' } }));
    await manager[Symbol.asyncDispose]();
    expect(() => manager.conversations).toThrow(expect.objectContaining({ code: 'closed' }));
    await expect(manager.initialize()).rejects.toMatchObject({ code: 'closed' });
  });

  test('can be opened again after a failure, and closed while it opens', async () => {
    const { backend, calls } = probe({ times: 1 });
    const manager = new StorageManager({ backend });
    await expect(manager.initialize()).rejects.toMatchObject({ code: 'unavailable' });
    const opening = manager.initialize();
    await manager.shutdown();
    await opening;
    expect(calls).toEqual(['open', 'open', 'close']);
    expect(manager.isInitialized).toBe(false);
  });
});

describe('backends by name', () => {
  test('are loaded from their package', async () => {
    await using manager = new StorageManager({ backend: 'sqlite3', options: { path: ':memory:' } });
    await manager.initialize();
    const { id } = await manager.conversations.create({ agentName: 'a' });
    expect(await manager.state.get(id)).toBeUndefined();
    expect(await manager.artifacts.list(id)).toEqual({ items: [] });
    expect(await manager.metrics.query()).toEqual({ items: [] });
    expect(await manager.kv.entry('k')).toBeUndefined();
  });

  test('are taken from the plugins that were given first', async () => {
    const { backend, calls } = probe();
    const plugin = definePlugin({ name: 'sqlite', contract: 1, fromEnv: () => ({}), create: () => backend });
    await using manager = new StorageManager({ backend: 'sqlite', plugins: [plugin] });
    await manager.initialize();
    expect(calls).toEqual(['open']);
  });

  test('that are not known are told with what to install', async () => {
    const manager = new StorageManager({ backend: 'postgresql' });
    await expect(manager.initialize()).rejects.toMatchObject({
      code: 'not_registered',
      message: expect.stringContaining('npm install @storage/postgres'),
    });
  });
});
