import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createRedis, type RedisBackend } from './redis-backend.ts';
import type { RedisOptions } from './redis-options.ts';

function fromEnv(env: Environment): RedisOptions {
  const url = env['REDIS_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Redis as a plugin. Its variable: `REDIS_URL`. */
export const redisPlugin: Plugin<'redis', RedisOptions, RedisBackend> = definePlugin({
  name: 'redis',
  contract: 1,
  fromEnv,
  create: (options) => createRedis(options),
});
