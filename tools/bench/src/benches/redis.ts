// Records in Redis, with their index, and as a cache without one.
import { randomBytes } from 'node:crypto';
import { createRedis } from '@storage/redis';
import { leaseService } from '@storage/services';
import { Redis } from 'ioredis';
import { openRawCache, openRawRedis } from '../../raw/redis.ts';
import type { Suite } from '../suite.ts';
import { type Goals, type OpenServer, querySuite, recordSuite } from './server-records.ts';

const goals: Goals = {
  get: [0.95, 1.5],
  set: [0.95, 1.4],
  delete: [0.95, 1.4],
  getMany: 0.9,
  setMany: 0.9,
  page: 0.85,
  filter: 0.85,
};

const cacheGoals: Goals = { ...goals, get: [0.93, 1.5], set: [0.93, 1.5], delete: [0.93, 1] };

function opener(cached: boolean): OpenServer {
  return async (field) => {
    const service = await leaseService('redis');
    if (service.how === 'absent') throw new Error(`Redis is absent here: ${service.why}`);
    const { url } = service;
    const name = `storage-bench-${randomBytes(6).toString('hex')}`;
    const raw = cached ? await openRawCache(url, `${name}-raw:`) : await openRawRedis(url, `${name}-raw:`, field);
    const fields = field === undefined ? [] : [`data.${field}`];
    const backend = createRedis({ url, prefix: `${name}:`, fields, index: !cached });
    await backend.open();
    return {
      raw,
      ours: backend.records,
      async close() {
        await raw.close();
        await backend.close();
        const client = new Redis(url);
        if (field !== undefined)
          for (const index of (await client.call('FT._LIST')) as string[])
            if (index.startsWith(name)) await client.call('FT.DROPINDEX', [index]);
        for await (const keys of client.scanStream({ match: `${name}*`, count: 1000 }))
          if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
        client.disconnect();
        await service.release();
      },
    };
  };
}

export const redisSuite: Suite = recordSuite('redis', opener(false), goals);
export const redisQuerySuite: Suite = querySuite('redis', opener(false), goals);
export const redisCacheSuite: Suite = recordSuite('redis-cache', opener(true), cacheGoals);
