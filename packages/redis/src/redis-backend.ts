import {
  type BackendContext,
  type ClientHolder,
  createHealth,
  createLifecycle,
  createRecordStore,
  injectedClient,
  type Lifecycle,
  ownedClient,
} from '@storage/backend-kit';
import type { Backend, CallOptions, FacetToken, HealthReport, RecordStore } from '@storage/core';
import { type RedisCapabilities, redisCapabilities } from './redis-capabilities.ts';
import { connectRedis, type RedisClient } from './redis-client.ts';
import { translateRedis } from './redis-errors.ts';
import { type RedisOptions, redisSettings } from './redis-options.ts';
import { RedisRecords } from './redis-records.ts';

/** Redis as a backend. */
export interface RedisBackend extends Backend<RedisCapabilities> {
  readonly records: RecordStore;
}

class Redis implements RedisBackend {
  readonly name = 'redis';
  readonly capabilities: RedisCapabilities = redisCapabilities;
  readonly records: RecordStore;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #lifecycle: Lifecycle;

  constructor(options: RedisOptions) {
    const { url, client, clock, newId, defaultTimeoutMs } = redisSettings(options);
    const holder: ClientHolder<RedisClient> =
      client === undefined
        ? ownedClient(
            () => connectRedis(url),
            (own) => own.close(),
          )
        : injectedClient(client);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: async () => {
        await holder.get();
      },
      close: () => holder.close(),
      defaultTimeoutMs,
    });
    const context: BackendContext = {
      name: this.name,
      capabilities: this.capabilities,
      lifecycle: this.#lifecycle,
      translate: translateRedis,
      newId,
      defaultTimeoutMs,
    };
    this.records = createRecordStore(new RedisRecords(() => holder.get(), clock), context);
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      translate: translateRedis,
      clock,
      defaultTimeoutMs,
      check: async () => {
        await (await holder.get()).ping();
        return {};
      },
    });
  }

  facet<T>(_token: FacetToken<T>): T | undefined {
    return undefined;
  }

  open(options?: CallOptions): Promise<void> {
    return this.#lifecycle.open(options);
  }

  close(options?: CallOptions): Promise<void> {
    return this.#lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Makes a Redis backend, not yet open. */
export function createRedis(options: RedisOptions = {}): RedisBackend {
  return new Redis(options);
}
