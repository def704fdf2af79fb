import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { startOwn } from '@storage/services';
import { onOwnService, onService } from '@storage/services/testing';
import { Redis } from 'ioredis';
import { createRedis, type RedisBackend, type RedisOptions } from '../src/index.ts';
import { RedisConnection } from '../src/redis-connection.ts';
import { RedisLayout } from '../src/redis-layout.ts';
import { RedisRegistry } from '../src/redis-registry.ts';
import { freshPrefix, removeKeys } from './harness.ts';

await onService('redis', ({ url }) => {
  const { hostname: host, port: text } = new URL(url);
  const port = Number(text);
  const prefixes: string[] = [];
  const admin = new Redis(url);

  afterAll(async () => {
    for (const prefix of prefixes) await removeKeys([{ host, port }], prefix);
    admin.disconnect();
  });

  async function open(
    options: RedisOptions = {},
  ): Promise<{ readonly backend: RedisBackend; readonly prefix: string }> {
    const prefix = freshPrefix();
    prefixes.push(prefix);
    const backend = createRedis({ host, port, prefix, ...options });
    await backend.open();
    return { backend, prefix };
  }

  async function keysOf({ records }: RedisBackend): Promise<string[]> {
    return (await records.list()).items.map(({ key }) => key);
  }

  describe('indexes', () => {
    it('forget a record that was evicted, when a list meets its key', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      await backend.records.storeMany(['a', 'b', 'c'].map((key) => ({ key, data: key })));
      await admin.del(`${prefix}{:0}r:b`);
      expect(await backend.records.count()).toBe(2);
      expect(await admin.zcard(`${prefix}{:0}order`)).toBe(3);
      expect(await keysOf(backend)).toEqual(['a', 'c']);
      expect(await admin.zcard(`${prefix}{:0}order`)).toBe(2);
    });

    it('get back a record whose entry was evicted, when it is stored or touched', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      await backend.records.storeMany(['a', 'b'].map((key) => ({ key, data: key })));
      await admin.del(`${prefix}{:0}order`);
      expect(await keysOf(backend)).toEqual([]);
      await backend.records.store('a', 2);
      await backend.records.touch('b', { ttlMs: null });
      expect(await keysOf(backend)).toEqual(['a', 'b']);
    });

    it('lose expired keys by later writes, also if nobody lists', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      await backend.records.storeMany(
        Array.from({ length: 20 }, (_, index) => ({ key: `old${index}`, data: index, ttlMs: 100 })),
      );
      await delay(150);
      expect(await admin.zcard(`${prefix}{:0}order`)).toBe(20);
      for (let index = 0; index < 20; index++) await backend.records.store(`new${index}`, index, { ttlMs: 60_000 });
      expect(await admin.zcard(`${prefix}{:0}order`)).toBe(20);
      expect(await admin.zcard(`${prefix}{:0}expiry`)).toBe(20);
    });

    it('never lose a record that was stored again without an expiry', async () => {
      const { backend } = await open();
      await using _closed = backend;
      await backend.records.store('a', 1, { ttlMs: 20 });
      await delay(40);
      await backend.records.store('a', 2);
      for (let index = 0; index < 10; index++) await backend.records.store('other', index, { ttlMs: 60_000 });
      expect(await keysOf(backend)).toEqual(['a', 'other']);
    });

    it('show no record twice and miss none while keys expire and are stored again', async () => {
      const { backend } = await open();
      await using _closed = backend;
      const end = Date.now() + 1500;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let round = 0; Date.now() < end; round++)
          await backend.records.store(`k${(writer + round) % 20}`, round, { ttlMs: 1 + (round % 5) });
      });
      const reader = (async () => {
        while (Date.now() < end) await keysOf(backend);
      })();
      await Promise.all([...writers, reader]);
      const keys = Array.from({ length: 20 }, (_, index) => `k${index}`).sort();
      await backend.records.storeMany(keys.map((key) => ({ key, data: key })));
      expect(await keysOf(backend)).toEqual(keys);
    });

    it('leave nothing behind when a store is emptied', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      const inner = backend.records.namespace('inner');
      await inner.storeMany(Array.from({ length: 1200 }, (_, index) => ({ key: `k${index}`, data: index })));
      await inner.store('brief', 1, { ttlMs: 60_000 });
      expect(await inner.dropNamespace()).toEqual({ deleted: 1201 });
      expect(await admin.keys(`${prefix}{inner*`)).toEqual([]);
    });

    it('keep the chunks of a stream for those who read them, and no longer', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < 4; index++) yield new Uint8Array(300_000).fill(index);
      }
      await backend.records.storeStream('s', chunks(), { ttlMs: 60_000 });
      const [staged = ''] = await admin.keys(`${prefix}*s:*`);
      expect(await admin.pttl(staged)).toBeGreaterThan(60_000);
      await backend.records.touch('s', { ttlMs: null });
      expect(await admin.pttl(staged)).toBe(-1);
      await backend.records.delete('s');
      expect(await admin.pttl(staged)).toBeGreaterThan(0);
      await backend.records.storeStream('t', chunks());
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(600_000);
        throw new Error('The source is broken.');
      }
      await expect(backend.records.storeStream('t', failing())).rejects.toMatchObject({ applied: 'no' });
      expect(await admin.keys(`${prefix}*s:*`)).toHaveLength(2);
    });
  });

  describe('the registry of namespaces', () => {
    it('forgets what is empty and old, and nothing else', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      const connection = new RedisConnection(admin, false);
      const registry = new RedisRegistry(connection, new RedisLayout(prefix, 1), 0);
      await backend.records.namespace('a').store('k', 1);
      const [seen] = await registry.stale(10);
      expect(seen?.path).toBe('a');
      await registry.keep('a');
      await delay(5);
      // Somebody has written since: what was seen then decides nothing.
      if (seen !== undefined && seen.at !== (await admin.zscore(`${prefix}{namespaces}seen`, 'a')))
        await registry.forget(seen);
      expect((await backend.records.namespaces()).items).toEqual(['a']);
      const [now] = await registry.stale(10);
      if (now !== undefined) await registry.forget(now);
      expect(await admin.exists(`${prefix}{namespaces}names`)).toBe(0);
      connection.close();
    });

    it('shrinks while others write', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      for (let index = 0; index < 20; index++) await backend.records.namespace(`old${index}`).store('k', 1);
      for (let index = 0; index < 20; index++) await backend.records.namespace(`old${index}`).delete('k');
      await backend.records.namespace('kept').store('k', 1);
      // Twenty minutes go by.
      const seen = `${prefix}{namespaces}seen`;
      for (const name of await admin.zrange(seen, '0', '-1')) await admin.zincrby(seen, -20 * 60_000, name);
      for (let index = 0; index < 15; index++) {
        await backend.records.namespace(`new${index}`).store('k', 1);
        await delay(20);
      }
      const names = await admin.zrange(`${prefix}{namespaces}names`, '0', '-1');
      expect(names.filter((name) => name.startsWith('old'))).toEqual([]);
      expect(names).toContain('kept');
      expect((await backend.records.namespaces()).items).toHaveLength(16);
    });
  });

  describe('RediSearch', () => {
    it('answers for declared fields, also over the limit of scans', async () => {
      const { backend } = await open({ fields: ['data.user'], search: 'required', scanLimit: 100 });
      await using _closed = backend;
      await backend.records.storeMany(
        Array.from({ length: 500 }, (_, index) => ({ key: `k${index}`, data: { user: index % 50, other: index } })),
      );
      expect((await backend.records.query({ filter: { 'data.user': 7 } })).items).toHaveLength(10);
      await expect(backend.records.query({ filter: { 'data.other': 7 } })).rejects.toMatchObject({
        code: 'scan_limit',
      });
    });

    it('misses no record that was stored before its field was declared', async () => {
      const { backend, prefix } = await open();
      await using _closed = backend;
      await backend.records.storeMany(
        Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, data: { user: index % 2 } })),
      );
      await using searched = createRedis({ host, port, prefix, fields: ['data.user'], search: 'required' });
      await searched.open();
      await searched.records.store('later', { user: 1 });
      expect((await searched.records.query({ filter: { 'data.user': 1 } })).items).toHaveLength(11);
      await backend.records.store('k0', { user: 1 });
      expect((await searched.records.query({ filter: { 'data.user': 1 } })).items).toHaveLength(12);
    });
  });
});

await onOwnService('redis', () => {
  describe('eviction', () => {
    it('is told at open and in health where it may hit the index, and only there', async () => {
      await using server = await startOwn('redis');
      const admin = new Redis(server.url);
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      try {
        await admin.config('SET', 'maxmemory', '100mb');
        await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
        await using indexed = createRedis({ url: server.url, prefix: freshPrefix() });
        await indexed.open();
        expect(warn.mock.calls).toEqual([[expect.stringContaining('allkeys-lru'), { code: 'STORAGE_REDIS_EVICTION' }]]);
        expect(await indexed.health()).toMatchObject({
          status: 'degraded',
          message: expect.stringContaining('allkeys-lru'),
          details: { evictionPolicy: 'allkeys-lru', role: 'master', dataLossWindow: expect.any(String) },
        });
        await using cache = createRedis({ url: server.url, prefix: freshPrefix(), index: false });
        await cache.open();
        expect(warn).toHaveBeenCalledTimes(1);
        expect((await cache.health()).status).toBe('healthy');
      } finally {
        warn.mockRestore();
        admin.disconnect();
      }
    }, 30_000);

    it('heals: whatever was evicted, lists show what is there', async () => {
      await using server = await startOwn('redis');
      const admin = new Redis(server.url);
      try {
        const prefix = freshPrefix();
        await using backend = createRedis({ url: server.url, prefix });
        await backend.open();
        await admin.config('SET', 'maxmemory-policy', 'volatile-lru');
        const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
        await admin.config('SET', 'maxmemory', String(used + 4 * 1024 * 1024));
        for (let start = 0; start < 8000; start += 200) {
          const items = Array.from({ length: 200 }, (_, index) => ({
            key: `k${start + index}`,
            data: 'x'.repeat(1000),
            ttlMs: 600_000,
          }));
          await backend.records.storeMany(items);
        }
        expect(Number(/evicted_keys:(\d+)/.exec(await admin.info('stats'))?.[1])).toBeGreaterThan(0);
        const listed = new Set<string>();
        for await (const { key } of backend.records.iterate()) listed.add(key);
        const there = (await admin.keys(`${prefix}{:0}r:*`)).map((name) => name.slice(`${prefix}{:0}r:`.length));
        expect([...listed].sort()).toEqual(there.sort());
        expect(await admin.zcard(`${prefix}{:0}order`)).toBe(there.length);
      } finally {
        admin.disconnect();
      }
    }, 60_000);
  });
});
