import { expect } from '@jest/globals';
import { createRegistry, DataManager, type DataReference, getDataManager, resetDataManager } from '@storage/core';
import { createMemory } from '@storage/memory';
import { createSqlite } from '@storage/sqlite';
import { embed, guideManager, registerStandIns, standIns } from '../../src/stand-ins.ts';
import { processData, type Spore, seedTest, spore } from './seed-test.ts';

seedTest('Quick Start: Basic Storage', standIns.filesystem.told, async () => {
  registerStandIns(getDataManager(), ['filesystem']);
  try {
    const dm = getDataManager();
    const ref = await dm.store('filesystem', { user: 'alice', preferences: { theme: 'dark' } }, { key: 'user_alice' });
    const userData = await dm.retrieve(ref);
    expect(userData).toEqual({ user: 'alice', preferences: { theme: 'dark' } });
    expect(ref).toMatchObject({ storageType: 'filesystem', kind: 'file_system', key: 'user_alice', metadata: {} });
  } finally {
    await resetDataManager();
  }
});

seedTest('Quick Start: Storage with Agents', standIns.postgresql.told, async () => {
  registerStandIns(getDataManager(), ['postgresql']);
  try {
    const handleData = async ({ knowledge }: Spore): Promise<{ stored_reference: DataReference }> => {
      const dm = getDataManager();
      const result = processData(knowledge['input']);
      return {
        stored_reference: await dm.store('postgresql', result, { metadata: { processed_at: '2025-01-15' } }),
      };
    };
    const { stored_reference: ref } = await handleData(spore);
    expect(await getDataManager().getRecord(ref)).toMatchObject({
      data: { processed: 'RAW' },
      metadata: { processed_at: '2025-01-15' },
    });
  } finally {
    await resetDataManager();
  }
});

seedTest('FileSystem Provider', standIns.filesystem.told, async () => {
  await using dm = new DataManager();
  dm.registerProvider('filesystem', createMemory(), { kind: 'file_system' });
  const ref = await dm.store('filesystem', { content: 'Hello, World!' }, { key: 'greeting.json' });
  expect(ref.key).toBe('greeting.json');
  expect(await dm.retrieveByKey('filesystem', 'greeting.json')).toEqual({ content: 'Hello, World!' });
  expect((await dm.list('filesystem', { prefix: 'greeting' })).items.map(({ key }) => key)).toEqual(['greeting.json']);
});

seedTest('FileSystem Provider: Configuration', standIns.filesystem.told, async () => {
  await using dm = new DataManager();
  // The stand-in's own options; basePath, autoCreate and prettyJson are the filesystem's.
  dm.registerProvider('file_system', createMemory({ maxEntries: 1 }), { kind: 'file_system' });
  await dm.store('filesystem', 1, { key: 'one' });
  await expect(dm.store('filesystem', 2, { key: 'two' })).rejects.toMatchObject({ code: 'quota_exceeded' });
});

seedTest('PostgreSQL Provider', standIns.postgresql.told, async () => {
  await using dm = new DataManager();
  dm.registerProvider('postgresql', createSqlite({ path: ':memory:', fields: ['metadata.event_type'] }));
  await dm.store(
    'postgresql',
    { user_id: 123, action: 'login' },
    { key: 'event_001', metadata: { event_type: 'authentication', timestamp: '2025-01-15' } },
  );
  await dm.store('postgresql', { action: 'buy' }, { key: 'event_002', metadata: { event_type: 'order' } });

  const events = await dm.query('postgresql', { 'metadata.event_type': 'authentication' });
  expect(events).toEqual([{ user_id: 123, action: 'login' }]);
  // The columns of the guide's table: key, data, metadata, created_at.
  expect(await dm.getRecordByKey('postgresql', 'event_001')).toMatchObject({
    key: 'event_001',
    data: { user_id: 123, action: 'login' },
    metadata: { event_type: 'authentication', timestamp: '2025-01-15' },
    createdAt: expect.any(Date),
  });
});

seedTest('Redis Provider', standIns.redis.told, async () => {
  let now = 0;
  await using dm = new DataManager();
  dm.registerProvider('redis', createMemory({ clock: () => Date.now() + now }), { kind: 'cache' });
  const ref = await dm.store(
    'redis',
    { session_id: 'abc123', user: 'alice' },
    { key: 'session:abc123', metadata: { ttl: 3600 } },
  );
  expect(ref.expiresAt?.getTime()).toBeCloseTo(Date.now() + 3_600_000, -4);
  now = 3_590_000;
  expect(await dm.retrieve(ref)).toEqual({ session_id: 'abc123', user: 'alice' });
  now = 3_600_001;
  expect(await dm.retrieveByKey('redis', 'session:abc123')).toBeUndefined();
});

seedTest('S3 Provider', standIns.s3.told, async () => {
  await using dm = guideManager('s3');
  const largeDataset = Array.from({ length: 20_000 }, (_, id) => ({ id, label: `sample ${id}` }));
  const ref = await dm.store('s3', largeDataset, { key: 'datasets/training_data_v1.json' });
  expect(ref.kind).toBe('object');
  expect(await dm.retrieve(ref)).toEqual(largeDataset);
});

seedTest('Qdrant Provider', standIns.qdrant.told, async () => {
  await using dm = guideManager('qdrant');
  const encode = async (text: string) => (await embed([text]))[0] ?? [];
  const text = 'Praval is a multi-agent AI framework';
  const ref = await dm.store(
    'qdrant',
    { text, vector: await encode(text) },
    { metadata: { category: 'documentation' } },
  );
  await dm.store('qdrant', { text: 'bread', vector: await encode('how to bake bread') });

  const results = await dm.search('qdrant', await encode('AI framework'), { limit: 5 });
  expect(results).toHaveLength(2);
  const [data, score, reference] = results[0] ?? [];
  expect(data).toEqual({ text, vector: Array.from(await encode(text)) });
  expect(score).toBeGreaterThan(results[1]?.[1] ?? 1);
  expect(reference).toEqual(ref);
});

seedTest('Environment Variables', 'memory plugins that read the variables of the guide', async () => {
  const seen: { [name: string]: unknown } = {};
  const plugin = (name: string, variables: readonly string[]) => ({
    name,
    contract: 1 as const,
    fromEnv: (env: { readonly [name: string]: string | undefined }) =>
      Object.fromEntries(variables.map((variable) => [variable, env[variable]])),
    create: (options: { readonly [variable: string]: string | undefined }) => {
      Object.assign(seen, options);
      return createMemory();
    },
  });
  const env = {
    POSTGRES_HOST: 'localhost',
    POSTGRES_PORT: '5432',
    POSTGRES_DB: 'praval',
    POSTGRES_USER: 'praval',
    POSTGRES_PASSWORD: 'secret',
    REDIS_HOST: 'localhost',
    REDIS_PORT: '6379',
    REDIS_PASSWORD: 'optional',
    AWS_ACCESS_KEY_ID: 'your_key',
    AWS_SECRET_ACCESS_KEY: 'your_secret',
    AWS_S3_BUCKET: 'praval-data',
    AWS_REGION: 'us-east-1',
    QDRANT_URL: 'http://localhost:6333',
    QDRANT_COLLECTION: 'praval_vectors',
  };
  const names = Object.keys(env);
  const registry = createRegistry([
    plugin(
      'postgres',
      names.filter((name) => name.startsWith('POSTGRES_')),
    ),
    plugin(
      'redis',
      names.filter((name) => name.startsWith('REDIS_')),
    ),
    plugin(
      's3',
      names.filter((name) => name.startsWith('AWS_')),
    ),
    plugin(
      'qdrant',
      names.filter((name) => name.startsWith('QDRANT_')),
    ),
  ]);
  // Nothing is registered with the DataManager: each name is made from the environment when it is first used.
  await using dm = new DataManager({ registry, env });
  for (const name of ['postgresql', 'redis', 's3']) {
    expect(await dm.retrieve(await dm.store(name, { made: name }))).toEqual({ made: name });
  }
  expect(await dm.healthOf('qdrant')).toMatchObject({ status: 'healthy' });
  expect(seen).toEqual(env);
});

seedTest('Programmatic Configuration', 'memory and SQLite under the names of the guide', async () => {
  await using dm = new DataManager();
  dm.registerProvider('filesystem', createMemory(), { kind: 'file_system' })
    .registerProvider('postgresql', createSqlite({ path: ':memory:' }))
    .registerProvider('redis', createMemory(), { kind: 'cache' });
  expect(dm.providers().map(({ name, kind }) => [name, kind])).toEqual([
    ['filesystem', 'file_system'],
    ['postgresql', 'relational'],
    ['redis', 'cache'],
  ]);
  expect(Object.values(await dm.health()).map(({ status }) => status)).toEqual(['healthy', 'healthy', 'healthy']);
});
