import { expect } from '@jest/globals';
import { type DataReference, isStorageError, type JsonValue, StorageError } from '@storage/core';
import { defineProvider, requiresStorage, storageEnabled, storageOf, storeAll } from '@storage/core/agents';
import { createMemory } from '@storage/memory';
import { embed, guide, guideManager, toldOn } from './guide-providers.ts';
import { processData, type Spore, seedTest, spore } from './seed-test.ts';

seedTest('@storage_enabled', toldOn('filesystem', 'postgresql'), async () => {
  await using dataManager = guideManager('filesystem', 'postgresql', 'redis');
  const providers = ['filesystem', 'postgresql'];
  const agentWithStorage = storageEnabled({ providers, dataManager })(
    async (_: Spore): Promise<{ reference: DataReference }> => ({
      reference: await agentWithStorage.storage.store('filesystem', { result: '...' }),
    }),
  );
  const { reference } = await agentWithStorage(spore);
  expect(await dataManager.retrieve(reference)).toEqual({ result: '...' });
  await expect(agentWithStorage.storage.store('redis', 1)).rejects.toMatchObject({ code: 'permission_denied' });

  class Agents {
    @storageEnabled({ providers, dataManager })
    async dataAgent(input: Spore): Promise<DataReference> {
      return storageOf(this.dataAgent).store('postgresql', input.knowledge);
    }
  }
  expect((await new Agents().dataAgent(spore)).storageType).toBe('postgresql');
});

seedTest('@requires_storage', toldOn('postgresql', 'redis'), async () => {
  await using dataManager = guideManager('postgresql', 'redis');
  let runs = 0;
  const criticalAgent = requiresStorage({ providers: ['postgresql', 'redis'], dataManager })(async (_: Spore) => {
    runs++;
  });
  await criticalAgent(spore);
  expect(runs).toBe(1);

  // Fails fast if PostgreSQL or Redis is unavailable, before the body runs.
  dataManager.registerProvider('redis', unreachable('Could not connect to Redis'), { replace: true });
  await expect(criticalAgent(spore)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('redis (Could not connect to Redis)'),
  });
  await using empty = guideManager('postgresql');
  const other = requiresStorage({ providers: ['postgresql', 'redis'], dataManager: empty })(async () => runs++);
  await expect(other()).rejects.toMatchObject({ code: 'not_registered', details: { missing: ['redis'] } });
  expect(runs).toBe(1);
});

seedTest('Multi-Provider Storage', toldOn('redis', 's3', 'postgresql'), async () => {
  await using dm = guideManager('redis', 'postgresql', 's3');
  const largeFile = new Uint8Array(100_000).fill(7);
  const hybridAgent = async (_: Spore): Promise<readonly DataReference[]> => [
    await dm.store('redis', { session: 'temp' }, { metadata: { ttl: 300 } }),
    await dm.store('postgresql', { transaction: 'permanent' }),
    await dm.store('s3', largeFile),
  ];
  const refs = await hybridAgent(spore);
  expect(refs.map(({ kind }) => kind)).toEqual(['cache', 'relational', 'object']);
  expect(refs.map(({ expiresAt }) => expiresAt !== undefined)).toEqual([true, false, false]);
  expect(await dm.retrieveMany<unknown>(refs)).toEqual([{ session: 'temp' }, { transaction: 'permanent' }, largeFile]);
});

seedTest('Storage with Memory Integration', guide.qdrant.told, async () => {
  await using dataManager = guideManager();
  dataManager.registerProvider('qdrant', guide.qdrant.backend(), { ...guide.qdrant.options, embedder: embed });
  const workingMemory: string[] = [];
  const smartAgent = storageEnabled({ providers: ['qdrant'], dataManager })(
    async ({ knowledge }: Spore): Promise<{ stored: DataReference }> => {
      workingMemory.push('Current task: process data');
      const { processed } = processData(knowledge['input']);
      return { stored: await smartAgent.storage.store('qdrant', { text: processed }) };
    },
  );
  const { stored } = await smartAgent(spore);
  expect(workingMemory).toEqual(['Current task: process data']);
  expect(await dataManager.retrieve(stored)).toEqual({ text: 'RAW' });
});

seedTest('Transaction-like Operations', toldOn('postgresql', 's3', 'redis'), async () => {
  await using dm = guideManager('postgresql', 's3', 'redis');
  const transactionalAgent = async (data3: unknown) => {
    try {
      const refs = await storeAll(dm, [
        { provider: 'postgresql', data: { part: 1 }, key: 'one' },
        { provider: 's3', data: { part: 2 }, key: 'two' },
        { provider: 'redis', data: { part: data3 }, key: 'three' },
      ]);
      return { success: true, refs };
    } catch (error) {
      if (!isStorageError(error)) throw error;
      return { success: false, error: error.message };
    }
  };
  expect(await transactionalAgent(10n)).toEqual({
    success: false,
    error: expect.stringMatching(/^part 2 of storeAll failed: data\.part is a bigint.* All before it is undone\.$/),
  });
  expect(await dm.existsByKey('postgresql', 'one')).toBe(false);
  expect(await dm.existsByKey('s3', 'two')).toBe(false);

  const { success, refs = [] } = await transactionalAgent(3);
  expect(success).toBe(true);
  expect(await dm.retrieveMany(refs)).toEqual([{ part: 1 }, { part: 2 }, { part: 3 }]);
});

seedTest('Custom Storage Providers', 'a provider of three functions and a query', async () => {
  class MyCustomProvider {
    readonly name = 'custom';
    readonly #rows = new Map<string, { data: JsonValue; metadata: object }>();

    store(key: string, data: JsonValue, metadata: object): { success: boolean; key: string } {
      this.#rows.set(key, { data, metadata });
      return { success: true, key };
    }

    retrieve(key: string): JsonValue | undefined {
      return this.#rows.get(key)?.data;
    }

    delete(key: string): boolean {
      return this.#rows.delete(key);
    }

    query(filters: object, limit: number): JsonValue[] {
      const { length } = Object.keys(filters);
      return [...this.#rows.values()]
        .filter(({ metadata }) => Object.keys(metadata).length >= length)
        .slice(0, limit)
        .map(({ data }) => data);
    }
  }
  await using dm = guideManager();
  dm.registerProvider('custom', defineProvider(new MyCustomProvider()));
  const ref = await dm.store('custom', { mine: true }, { key: 'k', metadata: { a: 1 } });
  expect(ref).toMatchObject({ storageType: 'custom', key: 'k', metadata: { a: 1 } });
  expect(await dm.retrieve(ref)).toEqual({ mine: true });
  expect(await dm.query('custom', { 'metadata.a': 1 }, { limit: 5 })).toEqual([{ mine: true }]);
  expect(await dm.delete(ref)).toBe(true);
  expect(await dm.retrieve(ref)).toBeUndefined();
});

function unreachable(message: string): ReturnType<typeof createMemory> {
  const backend = createMemory();
  backend.open = async () => {
    throw new StorageError({ code: 'unavailable', message });
  };
  return backend;
}
