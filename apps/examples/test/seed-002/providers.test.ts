import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from '@jest/globals';
import {
  type Backend,
  createRegistry,
  DataManager,
  type DataReference,
  getDataManager,
  type Plugin,
  resetDataManager,
} from '@storage/core';
import { createFilesystem } from '@storage/filesystem';
import { postgresPlugin } from '@storage/postgres';
import { redisPlugin } from '@storage/redis';
import { s3Plugin } from '@storage/s3';
import { embed, guide, guideManager, registerGuide, toldOn } from './guide-providers.ts';
import { ownFolder, ownPostgres, ownRedis, ownS3, postgres, redis, s3 } from './guide-servers.ts';
import { processData, type Spore, seedTest, spore } from './seed-test.ts';

seedTest('Quick Start: Basic Storage', guide.filesystem.told, async () => {
  registerGuide(getDataManager(), ['filesystem']);
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

seedTest('Quick Start: Storage with Agents', guide.postgresql.told, async () => {
  registerGuide(getDataManager(), ['postgresql']);
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

seedTest('FileSystem Provider', guide.filesystem.told, async () => {
  await using dm = new DataManager();
  const basePath = join(ownFolder(), 'data');
  dm.registerProvider('filesystem', createFilesystem({ basePath }), { kind: 'file_system' });
  const ref = await dm.store('filesystem', { content: 'Hello, World!' }, { key: 'greeting.json' });
  expect(ref.key).toBe('greeting.json');
  expect(JSON.parse(await readFile(join(basePath, 'greeting.json'), 'utf8'))).toEqual({ content: 'Hello, World!' });
  expect(await readdir(basePath)).toContain('greeting.json');
  expect(await dm.retrieveByKey('filesystem', 'greeting.json')).toEqual({ content: 'Hello, World!' });
  expect((await dm.list('filesystem', { prefix: 'greeting' })).items.map(({ key }) => key)).toEqual(['greeting.json']);
});

seedTest('FileSystem Provider: Configuration', guide.filesystem.told, async () => {
  await using dm = new DataManager();
  const basePath = join(ownFolder(), 'storage');
  dm.registerProvider('file_system', createFilesystem({ basePath, autoCreate: true, prettyJson: true }), {
    kind: 'file_system',
  });
  await dm.store('filesystem', { formatted: 'nicely' }, { key: 'one.json' });
  expect((await readFile(join(basePath, 'one.json'), 'utf8')).trim()).toBe('{\n  "formatted": "nicely"\n}');

  await using strict = createFilesystem({ basePath: join(basePath, 'missing'), autoCreate: false });
  await expect(strict.open()).rejects.toMatchObject({ message: expect.stringContaining('autoCreate') });
});

seedTest('PostgreSQL Provider', guide.postgresql.told, async () => {
  await using dm = guideManager('postgresql');
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

seedTest('Redis Provider', guide.redis.told, async () => {
  await using dm = guideManager('redis');
  const data = { session_id: 'abc123', user: 'alice' };
  const ref = await dm.store('redis', data, { key: 'session:abc123', metadata: { ttl: 3600 } });
  expect(Math.abs((ref.expiresAt?.getTime() ?? 0) - Date.now() - 3_600_000)).toBeLessThan(10_000);
  expect(await dm.retrieve(ref)).toEqual(data);

  await dm.store('redis', data, { key: 'session:short', metadata: { ttl: 1 } });
  expect(await dm.retrieveByKey('redis', 'session:short')).toEqual(data);
  await setTimeout(1100);
  expect(await dm.retrieveByKey('redis', 'session:short')).toBeUndefined();
  expect(await dm.retrieveByKey('redis', 'session:abc123')).toEqual(data);
});

seedTest('S3 Provider', guide.s3.told, async () => {
  await using dm = guideManager('s3');
  const largeDataset = Array.from({ length: 20_000 }, (_, id) => ({ id, label: `sample ${id}` }));
  const ref = await dm.store('s3', largeDataset, { key: 'datasets/training_data_v1.json' });
  expect(ref.kind).toBe('object');
  expect(await dm.retrieve(ref)).toEqual(largeDataset);
});

seedTest('Qdrant Provider', guide.qdrant.told, async () => {
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
  // A vector comes back in the precision of 32-bit floats.
  expect(data).toEqual({ text, vector: Array.from(await encode(text), (value) => expect.closeTo(value, 5)) });
  expect(score).toBeGreaterThan(results[1]?.[1] ?? 1);
  expect(reference).toEqual(ref);
});

/** A plugin with a room of its own on the server that the variables name. */
function within<Options extends object>(
  plugin: Plugin<string, Options, Backend>,
  own: Partial<Options>,
): Plugin<string, Options, Backend> {
  return { ...plugin, create: (options) => plugin.create({ ...options, ...own } as Options) };
}

seedTest('Environment Variables', toldOn('postgresql', 'redis', 's3'), async () => {
  const env: { [name: string]: string } = {};
  const plugins: Plugin[] = [];
  if (postgres !== undefined) {
    const { host, port, database, user, password, schema } = ownPostgres(postgres);
    Object.assign(env, { POSTGRES_HOST: host, POSTGRES_PORT: String(port), POSTGRES_DB: database });
    Object.assign(env, { POSTGRES_USER: user, POSTGRES_PASSWORD: password });
    plugins.push(within(postgresPlugin, { schema }) as Plugin);
  }
  if (redis !== undefined) {
    const { host, port, password, prefix } = ownRedis(redis);
    Object.assign(env, { REDIS_HOST: host, REDIS_PORT: String(port), ...(password && { REDIS_PASSWORD: password }) });
    plugins.push(within(redisPlugin, { prefix }) as Plugin);
  }
  if (s3 !== undefined) {
    const { accessKeyId, secretAccessKey, bucketName, region, endpoint } = ownS3(s3);
    Object.assign(env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    Object.assign(env, { AWS_S3_BUCKET: bucketName, AWS_REGION: region });
    // The guide's variables mean AWS itself.
    plugins.push(within(s3Plugin, { endpoint }) as Plugin);
  }
  // Nothing is registered with the DataManager: each name is made from the environment when it is first used.
  await using dm = new DataManager({ registry: createRegistry(plugins), env });
  for (const { name } of plugins) {
    const provider = name === 'postgres' ? 'postgresql' : name;
    expect(await dm.retrieve(await dm.store(provider, { made: provider }))).toEqual({ made: provider });
    expect((await dm.healthOf(provider))?.status).not.toBe('unhealthy');
  }
  expect(dm.providers()).toHaveLength(plugins.length);
});

seedTest('Programmatic Configuration', toldOn('filesystem', 'postgresql', 'redis'), async () => {
  await using dm = new DataManager();
  for (const name of ['filesystem', 'postgresql', 'redis'] as const) {
    dm.registerProvider(name, guide[name].backend(), guide[name].options);
  }
  expect(dm.providers().map(({ name, kind }) => [name, kind])).toEqual([
    ['filesystem', 'file_system'],
    ['postgresql', 'relational'],
    ['redis', 'cache'],
  ]);
  for (const { name } of dm.providers()) await dm.store(name, 1, { key: 'k' });
  expect(Object.values(await dm.health()).filter(({ status }) => status === 'unhealthy')).toEqual([]);
});
