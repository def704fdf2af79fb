import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { isRequired, leaseService, startOwn, withServices } from '../src/index.ts';
import { withRedis } from '../src/recipes/redis.ts';
import type { ServiceName } from '../src/service.ts';
import { onOwnService, onService } from '../src/testing.ts';
import { daemonStatus, freshHome, runJest, withEnv } from './support.ts';

/** A machine that has no programs. */
const bare = { PATH: join(tmpdir(), 'no-such-folder') };

await onOwnService('redis', () => {
  test('a URL wins over everything, and nothing is started for it', async () => {
    await using own = await startOwn('redis');
    await using _home = await freshHome();
    await withEnv({ STORAGE_TEST_REDIS_URL: own.url }, async () => {
      const service = await leaseService('redis');
      expect(service).toMatchObject({ how: 'url', url: own.url, version: own.version, nodes: own.nodes });
      expect(await daemonStatus()).toBeUndefined();
    });
  }, 30_000);
});

test.each(['redis', 'postgres'] as const)('a URL where no %s answers is an error without the secret', async (name) => {
  const variable = `STORAGE_TEST_${name.toUpperCase()}_URL`;
  await withEnv({ [variable]: `${name}://user:my-secret@127.0.0.1:9/0` }, async () => {
    const failure = await leaseService(name).then(String, (error: unknown) => (error as Error).message);
    expect(failure).toContain(`${variable} is set`);
    expect(failure).not.toContain('my-secret');
  });
});

test('where nothing can be installed a server is absent, with the reason and what would mend it', async () => {
  await using _home = await freshHome({ cache: false });
  await withEnv(bare, async () => {
    const service = await leaseService('redis');
    expect(service).toMatchObject({ name: 'redis', server: 'Redis', how: 'absent' });
    expect('why' in service && service.why).toMatch(/python3|pinned for/);
    expect('why' in service && service.why).toContain('STORAGE_TEST_REDIS_URL');
    await expect(withServices(['redis'], () => 'ran')).rejects.toThrow('absent');
    await expect(startOwn('redis')).rejects.toThrow(/python3|pinned for/);
  });
}, 30_000);

test.each([
  ['passes', '', 0],
  ['fails when it is required', 'postgres, redis', 1],
])(
  'a test file of an absent server says so and %s',
  async (_title, required, code) => {
    await using _home = await freshHome({ cache: false });
    const folder = await mkdtemp(join(tmpdir(), 'services-'));
    try {
      const ended = await runJest('on-absent.ts', folder, { ...bare, STORAGE_REQUIRE: required });
      expect(ended).toMatchObject({ code });
      expect(ended.output).toMatch(/Tests: .*1 total/);
      const report = JSON.parse(await readFile(join(folder, 'reports', 'absent-redis.json'), 'utf8')) as object;
      expect(report).toMatchObject({ kind: 'absent', service: 'redis', server: { name: 'Redis', how: 'absent' } });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  60_000,
);

test('what is required is told by name', async () => {
  await withEnv({ STORAGE_REQUIRE: 'postgres, redis-cluster' }, () => {
    const required = (['postgres', 'redis', 'redis-cluster'] satisfies ServiceName[]).map(isRequired);
    expect(required).toEqual([true, false, true]);
  });
  await withEnv({ STORAGE_REQUIRE: 'postgers' }, () => {
    expect(() => isRequired('postgres')).toThrow('"postgers"');
  });
});

await onOwnService('postgres', () => {
  test('a durable PostgreSQL has pgvector, and after a crash what it acknowledged', async () => {
    await using own = await startOwn('postgres', { durable: true });
    const ask = async (text: string): Promise<unknown[]> => {
      const client = new pg.Client({ connectionString: own.url });
      await client.connect();
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    };
    expect(await ask('SHOW fsync')).toEqual([{ fsync: 'on' }]);
    expect(await ask('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    expect(await ask("SELECT name FROM pg_available_extensions WHERE name = 'vector'")).toEqual([{ name: 'vector' }]);
    await ask('CREATE TABLE kept (n int)');
    for (let round = 1; round <= 2; round++) {
      await ask(`INSERT INTO kept VALUES (${round})`);
      await own.kill();
      await own.start();
      expect(await ask('SELECT count(*)::int AS n FROM kept')).toEqual([{ n: round }]);
    }
  }, 60_000);
});

await onService('redis-cluster', (service) => {
  test('the cluster has at least three nodes, which serve all slots', async () => {
    expect(new Set(service.nodes).size).toBeGreaterThanOrEqual(3);
    const info = await withRedis(service.url, (client) => client.cluster('INFO'));
    expect(String(info)).toContain('cluster_slots_ok:16384');
  });
});

await onService('redis-sentinel', (service) => {
  test('the sentinels know a master and a replica', async () => {
    for (const node of service.nodes) {
      const replicas = await withRedis(`redis://${node}`, (client) => client.call('SENTINEL', 'REPLICAS', 'mymaster'));
      expect(replicas).not.toHaveLength(0);
    }
  });
});
