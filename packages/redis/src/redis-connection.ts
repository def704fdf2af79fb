import type { ConnectionOptions } from 'node:tls';
import type { Call } from '@storage/backend-kit';
import { raceCall } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { Cluster, CommonRedisOptions, Redis } from 'ioredis';
import { translateRedis } from './redis-errors.ts';
import { hash } from './redis-layout.ts';
import type { RedisConnectionSettings, RedisSettings } from './redis-options.ts';

/** What a command takes. */
export type RedisArgument = string | number | Buffer;

/** A client as this package uses it: of one server or of a cluster. */
export type RedisClient = Redis | Cluster;

const longestPauseMs = 2000;

/** Waits longer from attempt to attempt, out of step with others that lost the same server. */
function backoff(attempt: number): number {
  return Math.min(longestPauseMs, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** Nothing is sent twice by the driver: what was lost on the way is told, and who may repeat it decides above. */
const neverResend = {
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  lazyConnect: true,
  autoResubscribe: false,
  // A peer that is gone without a word: its connection is given up, and the calls on it.
  socketTimeout: 30_000,
} as const;

type NativeOptions = Pick<CommonRedisOptions, keyof typeof neverResend | 'connectTimeout' | 'username' | 'password'> & {
  readonly tls?: ConnectionOptions;
};

function nativeOptions(settings: RedisConnectionSettings): NativeOptions {
  const { username, password, tls, connectTimeoutMs } = settings;
  return {
    ...neverResend,
    connectTimeout: connectTimeoutMs,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
  };
}

/** ioredis changes what it is given. */
function natMapOf({ natMap }: RedisConnectionSettings): { natMap?: Record<string, { host: string; port: number }> } {
  return natMap === undefined
    ? {}
    : {
        natMap: Object.fromEntries(
          Object.entries(natMap).map(([address, { host, port }]) => [address, { host, port }]),
        ),
      };
}

/** Makes a client, not yet connected. */
async function makeClient(settings: RedisConnectionSettings): Promise<RedisClient> {
  const { Cluster, Redis } = await import('ioredis');
  const { host, port, db, sentinels, masterName, sentinelPassword, cluster, tls } = settings;
  if (cluster !== undefined) {
    const options = {
      lazyConnect: true,
      // A node that is lost is not asked again behind our back.
      retryDelayOnFailover: 0,
      slotsRefreshInterval: 10_000,
      clusterRetryStrategy: backoff,
      redisOptions: nativeOptions(settings),
      ...natMapOf(settings),
    };
    return new Cluster(
      cluster.map((node) => ({ ...node })),
      options,
    );
  }
  return new Redis({
    ...nativeOptions(settings),
    ...(sentinels === undefined
      ? { host, port }
      : {
          sentinels: sentinels.map((node) => ({ ...node })),
          name: masterName ?? '',
          sentinelRetryStrategy: backoff,
          // A master that was taken down to a replica: the sentinels name the new one. The command is not sent again.
          reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
          ...(sentinelPassword !== undefined && { sentinelPassword }),
          ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
          ...natMapOf(settings),
        }),
    db,
    enableOfflineQueue: false,
    retryStrategy: backoff,
  });
}

/** Fatal in whatever state the connection is: the driver would go on in another database. */
function isFatal(error: Error): boolean {
  return /DB index is out of range|SELECT is not allowed/.test(error.message);
}

/** A client and what went wrong with it last. */
export class RedisConnection {
  readonly client: RedisClient;
  readonly clustered: boolean;
  readonly db: number;
  readonly #owned: boolean;
  readonly #onError: (error: Error) => void;
  #trouble: Error | undefined;
  #ready: Promise<void> | undefined;

  constructor(client: RedisClient, owned: boolean) {
    this.client = client;
    this.clustered = client.isCluster;
    this.db = client.isCluster ? 0 : ((client as Redis).options.db ?? 0);
    this.#owned = owned;
    this.#onError = (error) => {
      // A cluster says that no node answers; what the last one said tells more.
      const { lastNodeError } = error as { readonly lastNodeError?: Error };
      this.#trouble = lastNodeError ?? error;
    };
    // Without a listener the driver would write to the console.
    client.on('error', this.#onError);
    if (client.isCluster) client.on('node error', this.#onError);
  }

  /** Connects a client of our own; waits for one that was handed over. */
  async open(call: Call): Promise<void> {
    const { client } = this;
    try {
      if (client.status === 'wait') await raceCall(Promise.race([client.connect(), unreachable(client)]), call);
      else if (client.status !== 'ready') await raceCall(ready(client), call);
      const trouble = this.#trouble;
      if (trouble !== undefined && isFatal(trouble)) throw trouble;
    } catch (error) {
      // The driver says that it is closed; why, it has told before.
      const reason = this.#trouble ?? error;
      this.close();
      call.check();
      throw translateRedis(reason, { operation: 'open', key: undefined, write: false });
    }
    this.#trouble = undefined;
  }

  /** What the connection said when it failed. Missing: nothing yet. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  command(name: string, args: RedisArgument[]): Promise<unknown> {
    return this.#refusal() ?? this.client.call(name, args);
  }

  /** As `command`, with strings as bytes. */
  bytes(name: string, args: RedisArgument[]): Promise<unknown> {
    return this.#refusal() ?? this.client.callBuffer(name, args);
  }

  /** A cluster that is lost would keep commands until it is back; nodes that are being connected have to. */
  #refusal(): Promise<never> | undefined {
    if (!this.clustered || this.client.status === 'ready') return undefined;
    return Promise.reject(new Error("Cluster isn't ready"));
  }

  /** The servers that hold keys: one, or the masters of a cluster. */
  masters(): readonly Redis[] {
    return this.clustered ? (this.client as Cluster).nodes('master') : [this.client as Redis];
  }

  /** One master of a cluster, always the same for a name, as long as the masters are: what goes through it keeps its order. */
  masterOf(name: string): Redis {
    const masters = this.masters();
    const master = masters[hash(name) % masters.length];
    if (master === undefined || this.client.status !== 'ready') throw new Error("Cluster isn't ready");
    return master;
  }

  /** Resolves when commands are taken again, at the latest after `ms`. */
  async settled(ms: number, call: Call): Promise<void> {
    const { client } = this;
    if (client.status === 'ready') return;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    try {
      // However many calls wait, the client is listened to once.
      this.#ready ??= ready(client).finally(() => {
        this.#ready = undefined;
      });
      await raceCall(Promise.race([this.#ready.catch(() => limit), limit]), call);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    if (this.#owned) this.client.disconnect();
    else {
      this.client.off('error', this.#onError);
      this.client.off('node error', this.#onError);
    }
  }
}

/** Rejects when no sentinel answers: the driver goes on asking them for ever. */
function unreachable(client: RedisClient): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onError = (error: Error): void => {
      if (error.message.startsWith('All sentinels are unreachable')) reject(error);
    };
    client.on('error', onError);
    client.once('ready', () => client.off('error', onError));
  });
}

/** Resolves when a client that connects by itself is ready; rejects when it gives up. */
function ready(client: RedisClient): Promise<void> {
  if (client.status === 'end') return Promise.reject(new Error('Connection is closed.'));
  return new Promise((resolve, reject) => {
    const onReady = (): void => {
      client.off('end', onEnd);
      resolve();
    };
    const onEnd = (): void => {
      client.off('ready', onReady);
      reject(new Error('Connection is closed.'));
    };
    client.once('ready', onReady);
    client.once('end', onEnd);
  });
}

/** The connection of these settings, open. */
export async function connect(settings: RedisSettings, call: Call): Promise<RedisConnection> {
  const { client } = settings;
  if (client?.status === 'end') {
    throw new StorageError({
      code: 'invalid_argument',
      message: 'The client that was handed over is closed; hand over one that is open.',
      details: { path: 'client' },
    });
  }
  const connection = new RedisConnection(client ?? (await makeClient(settings.connection)), client === undefined);
  await connection.open(call);
  return connection;
}
