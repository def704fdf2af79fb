import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { outcome, type StorageError } from '@storage/core';
import { type OwnService, startOwn } from '@storage/services';
import { onOwnService } from '@storage/services/testing';
import { Redis } from 'ioredis';
import { createRedis, type RedisOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';

await onOwnService('redis', () => {
  let server: OwnService;
  let port: number;
  let admin: Redis;

  beforeAll(async () => {
    server = await startOwn('redis');
    port = Number(new URL(server.url).port);
    admin = new Redis(server.url);
  }, 60_000);

  afterAll(async () => {
    admin.disconnect();
    await server[Symbol.asyncDispose]();
  }, 60_000);

  /** How opening ends. */
  async function opening(options: RedisOptions): Promise<StorageError> {
    const backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix(), ...options });
    const ended = await outcome(backend.open({ timeoutMs: 8000 }));
    await backend.close();
    if (ended.ok) throw new Error('The store was opened.');
    return ended.error;
  }

  /** Runs `body` with settings of the server that are put back. */
  async function withSettings(settings: Record<string, string>, body: () => Promise<void>): Promise<void> {
    const before = new Map<string, string>();
    for (const [name, value] of Object.entries(settings)) {
      before.set(name, ((await admin.config('GET', name)) as string[])[1] ?? '');
      await admin.config('SET', name, value);
    }
    try {
      await body();
    } finally {
      for (const [name, value] of before) await admin.config('SET', name, value);
    }
  }

  describe('errors of a real server', () => {
    it('names `password` where one is missing or wrong, and tells none', async () => {
      await withSettings({ requirepass: 'right-secret' }, async () => {
        const missing = await opening({});
        expect(missing).toMatchObject({ code: 'unauthenticated', retryable: false });
        expect(missing.message).toContain('`password`');
        const wrong = await opening({ password: 'wrong-secret' });
        expect(wrong).toMatchObject({ code: 'unauthenticated' });
        expect(wrong.message).toContain('`password`');
        for (const error of [missing, wrong]) expect(JSON.stringify(error)).not.toMatch(/secret/);
        await using right = createRedis({ url: `redis://:right-secret@127.0.0.1:${port}`, prefix: freshPrefix() });
        await right.open();
        expect((await right.records.store('a', 1)).key).toBe('a');
      });
    });

    it('names `host` and `port` where nobody listens', async () => {
      const closed = createServer();
      await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
      const address = closed.address() as { readonly port: number };
      await new Promise((resolve) => closed.close(resolve));
      const refused = await opening({ port: address.port });
      expect(refused).toMatchObject({ code: 'unavailable', retryable: true });
      expect(refused.message).toMatch(/`host` and `port`/);
      expect(await opening({ host: 'nowhere.invalid' })).toMatchObject({ code: 'unavailable' });
      expect(await opening({ cluster: [{ host: '127.0.0.1', port: address.port }] })).toMatchObject({
        code: 'unavailable',
      });
      expect(await opening({ sentinels: [{ host: '127.0.0.1', port: address.port }], masterName: 'm' })).toMatchObject({
        code: 'unavailable',
      });
    });

    it('names `db` where the server has none of that number', async () => {
      const error = await opening({ db: 99 });
      expect(error).toMatchObject({ code: 'invalid_argument', details: { path: 'db' } });
      expect(error.message).toContain('`db`');
      await using backend = createRedis({ host: '127.0.0.1', port, db: 3, prefix: freshPrefix() });
      await backend.open();
      expect((await backend.records.store('a', 1)).key).toBe('a');
    });

    it('refuses a store that was made in another way', async () => {
      const prefix = freshPrefix();
      const first = createRedis({ host: '127.0.0.1', port, prefix });
      await first.open();
      await first.close();
      expect(await opening({ prefix, buckets: 4 })).toMatchObject({ code: 'version_mismatch' });
      expect(await opening({ prefix, index: false })).toMatchObject({ code: 'version_mismatch' });
    });

    it('is quota_exceeded where the memory is used up, with nothing half written', async () => {
      await using backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix() });
      await backend.open();
      await backend.records.store('old', 'x'.repeat(1000));
      await withSettings({ maxmemory: '1', 'maxmemory-policy': 'noeviction' }, async () => {
        for (const write of [
          () => backend.records.store('old', 'new'),
          () => backend.records.store('fresh', 1, { ifAbsent: true }),
          () => backend.records.storeMany([{ key: 'a', data: 1 }], { atomic: true }),
        ]) {
          expect(await outcome<unknown>(write())).toMatchObject({
            ok: false,
            error: { code: 'quota_exceeded', applied: 'no', retryable: false },
          });
        }
        expect((await backend.records.retrieve<string>('old'))?.data).toHaveLength(1000);
        expect(await backend.records.delete('old')).toBe(true);
      });
      expect((await backend.records.list()).items).toEqual([]);
    });

    it('is permission_denied on a replica, and for a user without rights', async () => {
      await using replica = await startOwn('redis');
      const follower = new Redis(replica.url);
      try {
        await using backend = createRedis({ url: replica.url, prefix: freshPrefix() });
        await backend.open();
        await follower.replicaof('127.0.0.1', port);
        const refused = await outcome(backend.records.store('a', 1));
        expect(refused).toMatchObject({ ok: false, error: { code: 'permission_denied', applied: 'no' } });
        expect((await backend.health()).status).toBe('degraded');
      } finally {
        follower.disconnect();
      }
      const prefix = freshPrefix();
      await admin.call('acl', ['setuser', 'reader', 'on', '>pw', `~${prefix}*`, '+@read', '+@connection', '+info']);
      const made = createRedis({ host: '127.0.0.1', port, prefix });
      await made.open();
      await made.close();
      await using reader = createRedis({ host: '127.0.0.1', port, prefix, username: 'reader', password: 'pw' });
      await reader.open();
      expect(await reader.records.retrieve('a')).toBeUndefined();
      expect(await outcome(reader.records.store('a', 1))).toMatchObject({
        ok: false,
        error: { code: 'permission_denied', applied: 'no' },
      });
      await admin.call('acl', ['deluser', 'reader']);
    }, 30_000);

    it('refuses a value that the server would answer by closing the connection', async () => {
      await withSettings({ 'proto-max-bulk-len': String(1024 * 1024) }, async () => {
        await using backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix() });
        await backend.open();
        const large = new Uint8Array(1024 * 1024 + 1);
        const neighbours = Array.from({ length: 10 }, (_, index) => backend.records.store(`k${index}`, index));
        expect(await outcome(backend.records.store('large', large))).toMatchObject({
          ok: false,
          error: { code: 'too_large', applied: 'no', details: { limit: 1024 * 1024, actual: large.length } },
        });
        const outcomes = await backend.records.storeMany([
          { key: 'large', data: large },
          { key: 'small', data: 1 },
        ]);
        expect(outcomes.map(({ ok }) => ok)).toEqual([false, true]);
        expect(await Promise.all(neighbours)).toHaveLength(10);
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for (let index = 0; index < 4; index++) yield large;
        }
        expect((await backend.records.storeStream('large', chunks())).size).toBe(4 * large.length);
      });
    });

    it('is unavailable while a script holds the server', async () => {
      await using backend = createRedis({ host: '127.0.0.1', port, prefix: freshPrefix() });
      await backend.open();
      await withSettings({ 'busy-reply-threshold': '50' }, async () => {
        const busy = new Redis(server.url);
        const endless = outcome(busy.eval('while true do end', 0));
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect(await outcome(backend.records.store('a', 1, { timeoutMs: 2000 }))).toMatchObject({
          ok: false,
          error: { code: 'unavailable', applied: 'no', retryable: true },
        });
        await admin.call('script', ['kill']);
        await endless;
        busy.disconnect();
      });
      expect((await backend.records.store('a', 1)).key).toBe('a');
    });

    it('meets a key of its own that holds something else', async () => {
      const prefix = freshPrefix();
      await using backend = createRedis({ host: '127.0.0.1', port, prefix });
      await backend.open();
      await admin.lpush(`${prefix}{:0}r:foreign`, 'x');
      const outcomes = await backend.records.storeMany(['a', 'foreign', 'b'].map((key) => ({ key, data: key })));
      expect(outcomes.map((ended) => (ended.ok ? 'ok' : ended.error.code))).toEqual(['ok', 'invalid_state', 'ok']);
      expect(await outcome(backend.records.retrieve('foreign'))).toMatchObject({
        ok: false,
        error: { code: 'invalid_state' },
      });
      expect(await admin.lrange(`${prefix}{:0}r:foreign`, 0, -1)).toEqual(['x']);
    });

    it('uses an injected client without closing it, unless it sends commands twice', async () => {
      expect(() => createRedis({ client: admin })).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details: { path: 'client' } }),
      );
      const client = new Redis(server.url, { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 });
      try {
        const prefix = freshPrefix();
        const first = createRedis({ client, prefix });
        await first.open();
        await first.records.store('a', 1);
        await first.close();
        expect(client.status).toBe('ready');
        expect(client.listenerCount('error')).toBe(0);
        await using second = createRedis({ client, prefix });
        await second.open();
        expect((await second.records.retrieve('a'))?.data).toBe(1);
      } finally {
        client.disconnect();
      }
    });
  });
});
