import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { createRedis, type RedisBackend } from './redis-backend.ts';
import type { RedisOptions } from './redis-options.ts';

function fromEnv(env: Environment): RedisOptions {
  const { REDIS_URL: url, REDIS_HOST: host, REDIS_PORT: port, REDIS_PASSWORD: password } = env;
  if (port !== undefined && !/^\d+$/.test(port))
    throw invalidArgument('REDIS_PORT must be a port number.', { path: 'REDIS_PORT' });
  return {
    ...(url !== undefined && { url }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port: Number(port) }),
    ...(password !== undefined && { password }),
  };
}

/** Redis as a plugin. Its variables: `REDIS_URL`, or `REDIS_HOST`, `REDIS_PORT`, `REDIS_PASSWORD`. */
export const redisPlugin: Plugin<'redis', RedisOptions, RedisBackend> = definePlugin({
  name: 'redis',
  contract: 1,
  fromEnv,
  create: (options) => createRedis(options),
});
