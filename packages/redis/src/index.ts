export { createRedis, type RedisBackend } from './redis-backend.ts';
export type { RedisCapabilities } from './redis-capabilities.ts';
export type { RedisNode, RedisOptions } from './redis-options.ts';
export { redisPlugin } from './redis-plugin.ts';
