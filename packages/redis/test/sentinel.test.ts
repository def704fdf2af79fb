import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { outcome } from '@storage/core';
import { startOwn } from '@storage/services';
import { onOwnService, onService } from '@storage/services/testing';
import { Redis } from 'ioredis';
import { createRedis } from '../src/index.ts';
import { freshPrefix, masterName, toNode, watched } from './harness.ts';

const runner = { describe, it, before: beforeAll, after: afterAll };

await onService('redis-sentinel', async (service) => {
  const server = { name: service.server, version: service.version, how: service.how };
  const harness = await watched(service);
  afterAll(() => harness[Symbol.asyncDispose]());
  runConformance({ runner, name: 'redis-sentinel', server, ...harness.members() });
});

await onOwnService('redis-sentinel', () => {
  describe('a store behind sentinels', () => {
    it('follows a failover, and tells its subscribers of the gap', async () => {
      await using own = await startOwn('redis-sentinel');
      const sentinels = own.nodes.map(toNode);
      const [first] = sentinels;
      const sentinel = new Redis({ host: first?.host ?? '', port: first?.port ?? 0 });
      const masterOf = async (): Promise<string> =>
        ((await sentinel.call('sentinel', ['get-master-addr-by-name', masterName])) as string[]).join(':');
      try {
        await using backend = createRedis({ sentinels, masterName, prefix: freshPrefix() });
        await backend.open();
        await backend.records.store('before', 1);
        const subscription = await backend.messaging.subscribe('news');
        const next = subscription[Symbol.asyncIterator]().next();
        const before = await masterOf();
        // The replica has to have what it is to take over.
        await delay(500);
        await sentinel.call('sentinel', ['failover', masterName]);
        const end = Date.now() + 20_000;
        while ((await masterOf()) === before && Date.now() < end) await delay(100);
        let stored = false;
        while (!stored && Date.now() < end) {
          const ended = await outcome(backend.records.store('after', 2, { timeoutMs: 1000 }));
          stored = ended.ok;
          if (!ended.ok) expect(['unavailable', 'timeout', 'permission_denied']).toContain(ended.error.code);
          await delay(100);
        }
        expect((await backend.records.retrieve('before'))?.data).toBe(1);
        expect((await backend.records.retrieve('after'))?.data).toBe(2);
        expect((await backend.health()).details['role']).toBe('master');
        expect(await masterOf()).not.toBe(before);
        expect((await next).value).toMatchObject({ type: 'gap', reason: 'reconnected' });
      } finally {
        sentinel.disconnect();
      }
    }, 60_000);
  });
});
