import { randomUUID } from 'node:crypto';
import type { CreateOptions, Harness, Outage } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy, type FaultProxy, type Service } from '@storage/services';
import { Redis } from 'ioredis';
import { createRedis, type RedisBackend, type RedisNode, type RedisOptions } from '../src/index.ts';

/** A node's address as the services tell it. */
export function toNode(address: string): RedisNode {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `test-${randomUUID()}:`;
}

/** Removes every key under a prefix from each of these servers. */
export async function removeKeys(nodes: readonly RedisNode[], prefix: string): Promise<void> {
  for (const node of nodes) {
    const redis = new Redis({ host: node.host, port: node.port });
    try {
      const indexes = (await redis.call('ft._list').catch(() => [])) as string[];
      for (const name of indexes) if (name.startsWith(prefix)) await redis.call('ft.dropindex', [name]);
      let cursor = '0';
      do {
        const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 5000);
        cursor = next;
        await Promise.all(keys.map((key) => redis.unlink(key)));
      } while (cursor !== '0');
    } finally {
      redis.disconnect();
    }
  }
}

/** How the kit gets at a store: each backend under a prefix of its own, all over one proxy for each node. */
export class RedisHarness implements AsyncDisposable {
  readonly #nodes: readonly RedisNode[];
  readonly #connect: (proxied: readonly RedisNode[]) => RedisOptions;
  readonly #options: RedisOptions;
  readonly #prefixes = new WeakMap<Backend, string>();
  #proxies: Promise<readonly FaultProxy[]> | undefined;

  /** `nodes`: the servers that hold keys. `connect`: options that lead to these addresses. */
  constructor(
    nodes: readonly RedisNode[],
    connect: (proxied: readonly RedisNode[]) => RedisOptions,
    options: RedisOptions = {},
  ) {
    this.#nodes = nodes;
    this.#connect = connect;
    this.#options = options;
  }

  #proxied(): Promise<readonly FaultProxy[]> {
    this.#proxies ??= Promise.all(this.#nodes.map(({ host, port }) => createProxy({ host, port })));
    return this.#proxies;
  }

  async #open(prefix: string): Promise<RedisBackend> {
    const proxies = await this.#proxied();
    const nodes = proxies.map(({ port }) => ({ host: '127.0.0.1', port }));
    const backend = createRedis({ ...this.#connect(nodes), ...this.#options, prefix });
    this.#prefixes.set(backend, prefix);
    return backend;
  }

  #prefixOf(backend: Backend): string {
    const prefix = this.#prefixes.get(backend);
    if (prefix === undefined) throw new Error('The kit handed over a backend that it was not given.');
    return prefix;
  }

  readonly outage: Outage = {
    begin: async () => {
      for (const proxy of await this.#proxied()) await proxy.cut();
    },
    end: async () => {
      for (const proxy of await this.#proxied()) await proxy.restore();
    },
  };

  /** What the kit is given, but for the server's name. */
  members(): Pick<Harness, 'capabilities' | 'create' | 'reopen' | 'destroy' | 'outage'> {
    const { capabilities } = createRedis({ ...this.#connect(this.#nodes), ...this.#options });
    return {
      capabilities,
      create: (_options: CreateOptions) => this.#open(freshPrefix()),
      reopen: (backend) => this.#open(this.#prefixOf(backend)),
      destroy: (backend) => removeKeys(this.#nodes, this.#prefixOf(backend)),
      outage: this.outage,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of (await this.#proxies) ?? []) await proxy[Symbol.asyncDispose]();
  }
}

/** The harness of a single server. */
export function standalone({ url }: Service, options: RedisOptions = {}): RedisHarness {
  const { hostname, port } = new URL(url);
  return new RedisHarness(
    [{ host: hostname, port: Number(port) }],
    ([node]) => ({ host: node?.host ?? '', port: node?.port ?? 0 }),
    options,
  );
}

/** The harness of a cluster, whose nodes call themselves by their own addresses. */
export function clustered({ nodes }: Service, options: RedisOptions = {}): RedisHarness {
  const real = nodes.map(toNode);
  return new RedisHarness(
    real,
    (proxied) => ({
      cluster: proxied,
      natMap: Object.fromEntries(
        real.map(({ host, port }, index) => [`${host}:${port}`, proxied[index] ?? { host, port }]),
      ),
    }),
    options,
  );
}

/** The name under which the sentinels of the tests know their master. */
export const masterName = 'mymaster';

/** The harness of a master that sentinels know. */
export async function watched({ nodes }: Service, options: RedisOptions = {}): Promise<RedisHarness> {
  const sentinels = nodes.map(toNode);
  const [first] = sentinels;
  const sentinel = new Redis({ host: first?.host ?? '', port: first?.port ?? 0 });
  try {
    const [host, port] = (await sentinel.call('sentinel', ['get-master-addr-by-name', masterName])) as string[];
    const master = { host: host ?? '', port: Number(port) };
    return new RedisHarness(
      [master],
      ([proxied]) => ({
        sentinels,
        masterName,
        natMap: { [`${master.host}:${master.port}`]: proxied ?? master },
      }),
      options,
    );
  } finally {
    sentinel.disconnect();
  }
}
