import { describe, expect, it } from '@jest/globals';
import { createRegistry, defaultRegistry } from '@storage/core';
import { createMemory, type MemoryBackend, type MemoryOptions, memoryPlugin } from './index.ts';
import './register.ts';

async function open(options?: MemoryOptions): Promise<MemoryBackend> {
  const memory = createMemory(options);
  await memory.open();
  return memory;
}

async function usage(memory: MemoryBackend): Promise<unknown> {
  return (await memory.health()).details;
}

describe('the bounds of the memory backend', () => {
  it('refuses a record over maxEntries, keeps what is there, and takes a replacement', async () => {
    const { records } = await open({ maxEntries: 2 });
    await records.store('a', 1);
    await records.store('b', 2);
    await expect(records.store('c', 3)).rejects.toMatchObject({
      code: 'quota_exceeded',
      applied: 'no',
      details: { maxEntries: 2 },
    });
    await records.store('b', 4);
    expect(await records.count()).toBe(2);
    await records.delete('a');
    await records.store('c', 3);
    expect((await records.list()).items.map(({ key }) => key)).toEqual(['b', 'c']);
  });

  it('refuses a record over maxBytes, also as a stream and in a batch', async () => {
    const { records } = await open({ maxBytes: 1000 });
    await records.store('a', 'x'.repeat(500));
    await expect(records.store('b', 'x'.repeat(600))).rejects.toMatchObject({ code: 'quota_exceeded' });
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 10; i++) yield new Uint8Array(100);
    }
    await expect(records.storeStream('b', chunks())).rejects.toMatchObject({ code: 'quota_exceeded' });
    const batch = [
      { key: 'c', data: 1 },
      { key: 'd', data: 'x'.repeat(600) },
    ];
    await expect(records.storeMany(batch, { atomic: true })).rejects.toMatchObject({
      code: 'quota_exceeded',
      details: { index: 1 },
    });
    expect((await records.list()).items.map(({ key }) => key)).toEqual(['a']);
  });

  it('refuses vectors over maxEntries, all of a batch', async () => {
    const { vectors } = await open({ maxEntries: 2 });
    await vectors.createCollection('c', { dimension: 1 });
    const documents = [1, 2, 3].map((n) => ({ id: `d${n}`, vector: [n] }));
    await expect(vectors.collection('c').upsert(documents)).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(await vectors.collection('c').count()).toBe(0);
  });

  it('gives the room of expired records to a write that needs it', async () => {
    let now = 1_000_000;
    const memory = await open({ maxEntries: 1, clock: () => now });
    await memory.records.store('a', 1, { ttlMs: 10 });
    await expect(memory.records.store('b', 1)).rejects.toMatchObject({ code: 'quota_exceeded' });
    now += 10;
    await memory.records.store('b', 1);
    expect(await usage(memory)).toMatchObject({ records: { entries: 1 } });
  });

  it('counts back to nothing when all is deleted', async () => {
    const memory = await open();
    const { records, vectors } = memory;
    await records.store('a', { b: 'c' }, { metadata: { m: 1 } });
    await records.store('a', { b: 'cc' });
    await records.namespace('n').store('x', new Uint8Array(10));
    await vectors.createCollection('c', { dimension: 2 });
    await vectors.collection('c').upsert([{ id: 'x', vector: [1, 2], content: 'text' }]);
    await vectors.collection('c').upsert([{ id: 'x', vector: [1, 3] }]);
    await records.dropNamespace({ recursive: true });
    await vectors.deleteCollection('c');
    expect(await usage(memory)).toMatchObject({ records: { entries: 0, bytes: 0 }, vectors: { entries: 0, bytes: 0 } });
  });

  it('refuses limits that are none', () => {
    for (const options of [{ maxEntries: 0 }, { maxBytes: -1 }, { maxEntries: Number.NaN }]) {
      expect(() => createMemory(options)).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }) as unknown as Error,
      );
    }
  });
});

describe('memoryPlugin', () => {
  it('makes a backend, from a registry of its own and from the default one', async () => {
    const memory = createRegistry([memoryPlugin]).create('memory', { maxEntries: 1 });
    await memory.open();
    expect(memory.name).toBe('memory');
    expect(defaultRegistry().find('memory')).toBe(memoryPlugin);
    expect(defaultRegistry().createFromEnv('memory', {}).capabilities.persistent).toBe(false);
  });
});
