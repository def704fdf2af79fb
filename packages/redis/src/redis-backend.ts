import {
  type BackendContext,
  type Call,
  createHealth,
  createLifecycle,
  createMessaging,
  createRecordStore,
  type Lifecycle,
  type MessagingFacade,
} from '@storage/backend-kit';
import {
  type Backend,
  type CallOptions,
  type FacetToken,
  type HealthReport,
  type Messaging,
  type RecordStore,
  StorageError,
} from '@storage/core';
import { RedisCacheRecords } from './redis-cache-records.ts';
import { type RedisCapabilities, redisCapabilities } from './redis-capabilities.ts';
import { connect, type RedisConnection } from './redis-connection.ts';
import { RedisEngine } from './redis-engine.ts';
import { translateRedis } from './redis-errors.ts';
import { checkHealth, evictionWarning, parseInfo, readSetting } from './redis-health.ts';
import { RedisLayout } from './redis-layout.ts';
import { RedisMessaging } from './redis-messaging.ts';
import { type RedisOptions, type RedisSettings, toSettings } from './redis-options.ts';
import { RedisRecords } from './redis-records.ts';
import { RedisSearch } from './redis-search.ts';

/** A store in Redis. */
export interface RedisBackend extends Backend<RedisCapabilities> {
  readonly name: 'redis';
  readonly records: RecordStore;
  readonly messaging: Messaging;
}

const defaultBulkLimit = 512 * 1024 * 1024;

class RedisStore implements RedisBackend {
  readonly name = 'redis';
  readonly capabilities: RedisCapabilities;
  readonly records: RecordStore;
  readonly messaging: Messaging;
  readonly health: (options?: CallOptions) => Promise<HealthReport>;
  readonly #settings: RedisSettings;
  readonly #layout: RedisLayout;
  readonly #lifecycle: Lifecycle;
  readonly #records: RedisRecords | RedisCacheRecords;
  readonly #channels: RedisMessaging;
  readonly #subscriptions: MessagingFacade;
  readonly #search: RedisSearch;
  #connection: RedisConnection | undefined;

  constructor(settings: RedisSettings) {
    const { clock, newId, defaultTimeoutMs, prefix, buckets } = settings;
    this.#settings = settings;
    this.#layout = new RedisLayout(prefix, buckets);
    this.#search = new RedisSearch(settings.fields);
    this.capabilities = redisCapabilities(settings);
    this.#lifecycle = createLifecycle({
      backend: this.name,
      open: (call) => this.#open(call),
      close: () => this.#close(),
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
    if (settings.index) {
      const records = new RedisRecords(this.#search, settings.scanLimit);
      this.#records = records;
      this.records = createRecordStore(records, context);
    } else {
      const records = new RedisCacheRecords(clock);
      this.#records = records;
      this.records = createRecordStore(records, context);
    }
    this.#channels = new RedisMessaging(() => this.#there, prefix);
    this.#subscriptions = createMessaging(this.#channels, context);
    this.messaging = this.#subscriptions;
    this.health = createHealth({
      backend: this.name,
      lifecycle: this.#lifecycle,
      check: () => checkHealth(this.#there, settings, this.#search.ready),
      translate: translateRedis,
      clock,
      defaultTimeoutMs,
    });
  }

  get #there(): RedisConnection {
    if (this.#connection === undefined) throw new Error('The connection is used before the backend is open.');
    return this.#connection;
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

  async #open(call: Call): Promise<void> {
    const connection = await connect(this.#settings, call);
    try {
      await this.#checkLayout(connection);
      await this.#tellEviction(connection);
      const bulk = Number(await readSetting(connection, 'proto-max-bulk-len'));
      const engine = new RedisEngine(connection, this.#layout, bulk > 0 ? bulk : defaultBulkLimit);
      if (this.#settings.fields.length > 0) await this.#search.open(engine);
      if (this.#settings.searchRequired && !this.#search.ready) throw noSearch();
      this.#records.attach(engine);
      this.#connection = connection;
    } catch (error) {
      connection.close();
      throw translateRedis(error, { operation: 'open', key: undefined, write: false });
    }
  }

  /** A store is opened as it was made, or its records would be looked for where they are not. */
  async #checkLayout(connection: RedisConnection): Promise<void> {
    const { index, buckets } = this.#settings;
    const mine = JSON.stringify({ version: 1, index, buckets });
    const { meta } = this.#layout;
    let made = await connection.command('get', [meta]);
    if (made === null) {
      await connection.command('set', [meta, mine, 'NX']);
      made = await connection.command('get', [meta]);
    }
    if (typeof made !== 'string' || made === mine) return;
    throw new StorageError({
      code: 'version_mismatch',
      message: `The store under this prefix was made with ${made}, not ${mine}; open it with the same index and buckets, or choose another \`prefix\`.`,
      details: { made, asked: mine },
    });
  }

  async #tellEviction(connection: RedisConnection): Promise<void> {
    const [master] = connection.masters();
    const info = parseInfo(String(await master?.info('memory')));
    const warning = evictionWarning(
      info.get('maxmemory_policy'),
      Number(info.get('maxmemory') ?? 0),
      this.#settings.index,
    );
    if (warning !== undefined) process.emitWarning(warning, { code: 'STORAGE_REDIS_EVICTION' });
  }

  async #close(): Promise<void> {
    await this.#subscriptions[Symbol.asyncDispose]();
    this.#channels.close();
    this.#connection?.close();
  }
}

function noSearch(): StorageError {
  return new StorageError({
    code: 'unsupported',
    message:
      "The server has no RediSearch for this database, which search: 'required' asks for; leave it out, and filters are bounded scans.",
    details: { path: 'search' },
  });
}

/** A store in Redis: records and messaging. Nothing is connected before `open`. Bad options are `invalid_argument` at once. */
export function createRedis(options?: RedisOptions): RedisBackend {
  return new RedisStore(toSettings(options));
}
