import { assertText, type CommonOptions } from '@storage/core';
import type { RedisClient } from './redis-client.ts';

/** Options of `createRedis`. */
export interface RedisOptions extends CommonOptions {
  /** Where the server is. Missing: `redis://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: RedisClient | undefined;
}

/** Options, checked and complete. */
export interface RedisSettings {
  readonly url: string;
  readonly client: RedisClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function redisSettings(options: RedisOptions): RedisSettings {
  const { url = 'redis://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
