import type { ConnectionOptions } from 'node:tls';
import { assertText, type CommonOptions, invalidArgument } from '@storage/core';
import { joinPath, recordRoots, splitPath } from '@storage/core/filter';
import type { Cluster, Redis } from 'ioredis';

/** Where a server listens. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** Options of `createRedis`. */
export interface RedisOptions extends CommonOptions {
  /** Missing: `localhost`. */
  readonly host?: string | undefined;
  /** Missing: 6379. */
  readonly port?: number | undefined;
  /** The number of the database. Missing: 0, the only one of a cluster. */
  readonly db?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS, in place of the members above. */
  readonly url?: string | undefined;
  /** TLS: `true`, or what `tls.connect` takes. Missing: none, unless the `url` begins with `rediss:`. */
  readonly tls?: boolean | ConnectionOptions | undefined;
  /** The sentinels that know the master; needs `masterName`. */
  readonly sentinels?: readonly RedisNode[] | undefined;
  /** The name under which the sentinels know the master. */
  readonly masterName?: string | undefined;
  /** The password of the sentinels themselves. */
  readonly sentinelPassword?: string | undefined;
  /** Some nodes of a Redis Cluster; the others are learned from them. */
  readonly cluster?: readonly RedisNode[] | undefined;
  /** Where a node is reached that calls itself `host:port`: for clusters and sentinels behind an address translation. */
  readonly natMap?: { readonly [address: string]: RedisNode } | undefined;
  /**
   * An ioredis client of yours to use instead; it is never closed. It must not send commands again by itself:
   * `autoResendUnfulfilledCommands: false` and `maxRetriesPerRequest: 0`, of a cluster in `redisOptions`, beside `retryDelayOnFailover: 0`.
   */
  readonly client?: Redis | Cluster | undefined;
  /** Begins every key and channel of this store; without braces. Missing: `storage:`. */
  readonly prefix?: string | undefined;
  /** Another name of `prefix`. */
  readonly keyPrefix?: string | undefined;
  /** `false`: a cache. Records are plain strings without an index: no lists and no queries, less work for each write. Missing: `true`. */
  readonly index?: boolean | undefined;
  /** Paths that get an index where the server has RediSearch: `data.user.age`, `metadata.event_type`. Missing: none. */
  readonly fields?: readonly string[] | undefined;
  /**
   * Whether `fields` need RediSearch. `required`: `open` fails without it, and the capabilities promise an index. `auto`: it is used where
   * the server has it, and nothing is promised. Missing: `auto`. A cluster is not searched.
   */
  readonly search?: 'auto' | 'required' | undefined;
  /** Into how many slots each namespace is spread. It can't change once the store has begun. Missing: 16 on a cluster, else 1. */
  readonly buckets?: number | undefined;
  /** The most records that a query without an index reads; over it `scan_limit`. Missing: 10,000. */
  readonly scanLimit?: number | undefined;
  /** The largest value, in bytes. Missing: 64 MiB. At most 512 MiB; the server's `proto-max-bulk-len` holds for what is no stream. */
  readonly maxValueBytes?: number | undefined;
  /** How long making a connection may take. Missing: 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** Options, checked and complete. */
export interface RedisSettings {
  readonly connection: RedisConnectionSettings;
  readonly client: Redis | Cluster | undefined;
  readonly prefix: string;
  readonly index: boolean;
  readonly fields: readonly RedisField[];
  readonly searchRequired: boolean;
  readonly buckets: number;
  readonly scanLimit: number;
  readonly maxValueBytes: number;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

/** How a client of our own connects. */
export interface RedisConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: ConnectionOptions | undefined;
  readonly sentinels: readonly RedisNode[] | undefined;
  readonly masterName: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly cluster: readonly RedisNode[] | undefined;
  readonly natMap: { readonly [address: string]: RedisNode } | undefined;
  readonly connectTimeoutMs: number;
}

/** A path with an index. */
export interface RedisField {
  readonly name: string;
  readonly path: readonly string[];
}

const largestValue = 512 * 1024 * 1024;

function wholeNumber(value: unknown, from: number, to: number, path: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > to)
    throw invalidArgument(`${path} is a whole number from ${from} to ${to}.`, { path });
  return value;
}

function flag(value: unknown, path: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(`${path} is true or false.`, { path });
  return value;
}

function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalidArgument(`${path} must be a string.`, { path });
  return value;
}

function nodes(value: unknown, path: string): readonly RedisNode[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0)
    throw invalidArgument(`${path} is a list of { host, port }, with one at least.`, { path });
  return (value as readonly Partial<RedisNode>[]).map((node, index) => {
    const at = `${path}[${index}]`;
    if (typeof node?.host !== 'string' || node.host === '')
      throw invalidArgument(`${at}.host must be a host's name.`, { path: at });
    return { host: node.host, port: wholeNumber(node.port, 1, 65_535, `${at}.port`) };
  });
}

function field(name: unknown, index: number): RedisField {
  const at = `fields[${index}]`;
  if (typeof name !== 'string') throw invalidArgument(`${at} is a path, as it stands in a filter.`, { path: at });
  const path = splitPath(name);
  if (path[0] !== 'data' && path[0] !== 'metadata')
    throw invalidArgument(`${at} starts with data or metadata (${recordRoots.join(', ')} are the roots).`, {
      path: at,
    });
  return { name: joinPath(path), path };
}

interface UrlParts {
  readonly host?: string;
  readonly port?: number;
  readonly db?: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: boolean;
}

function parseUrl(text: string): UrlParts {
  const bad = (): Error =>
    invalidArgument('url must look like redis://user:password@host:6379/0, or rediss:// for TLS.', { path: 'url' });
  if (!URL.canParse(text)) throw bad();
  const { protocol, hostname, port, pathname, username, password } = new URL(text);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || !/^\/?\d*$/.test(pathname)) throw bad();
  return {
    ...(hostname !== '' && { host: decodeURIComponent(hostname).replace(/^\[|\]$/g, '') }),
    ...(port !== '' && { port: Number(port) }),
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: true }),
  };
}

function toTls(tls: unknown): ConnectionOptions | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  if (typeof tls !== 'object' || tls === null)
    throw invalidArgument('tls is true, or the options of tls.connect.', { path: 'tls' });
  return tls as ConnectionOptions;
}

function toConnection(options: RedisOptions): RedisConnectionSettings {
  const url = optionalText(options.url, 'url');
  const parts = url === undefined ? {} : parseUrl(url);
  const sentinels = nodes(options.sentinels, 'sentinels');
  const cluster = nodes(options.cluster, 'cluster');
  const masterName = optionalText(options.masterName, 'masterName');
  if ((sentinels === undefined) !== (masterName === undefined))
    throw invalidArgument('sentinels and masterName belong together.', { path: 'masterName' });
  if (sentinels !== undefined && cluster !== undefined)
    throw invalidArgument('sentinels and cluster exclude one another.', { path: 'cluster' });
  const db = wholeNumber(options.db ?? parts.db ?? 0, 0, 2 ** 31 - 1, 'db');
  if (cluster !== undefined && db !== 0)
    throw invalidArgument('A Redis Cluster has the database 0 alone; leave db out.', { path: 'db' });
  return {
    host: optionalText(options.host, 'host') ?? parts.host ?? 'localhost',
    port: wholeNumber(options.port ?? parts.port ?? 6379, 1, 65_535, 'port'),
    db,
    username: optionalText(options.username, 'username') ?? parts.username,
    password: optionalText(options.password, 'password') ?? parts.password,
    tls: toTls(options.tls ?? parts.tls),
    sentinels,
    masterName,
    sentinelPassword: optionalText(options.sentinelPassword, 'sentinelPassword'),
    cluster,
    natMap: options.natMap,
    connectTimeoutMs: wholeNumber(options.connectTimeoutMs ?? 10_000, 1, 2 ** 31 - 1, 'connectTimeoutMs'),
  };
}

/** What an injected client may not do; else nobody could say whether a failed write was applied. */
function checkClient(client: Redis | Cluster | undefined): void {
  if (client === undefined) return;
  if (typeof client !== 'object' || client === null || typeof client.call !== 'function')
    throw invalidArgument('client must be a Redis or a Cluster of ioredis.', { path: 'client' });
  const shared = client.isCluster ? (client as Cluster).options.redisOptions : (client as Redis).options;
  const resends = shared?.autoResendUnfulfilledCommands !== false || shared.maxRetriesPerRequest !== 0;
  const resendsToNodes = client.isCluster && (client as Cluster).options.retryDelayOnFailover !== 0;
  if (resends || resendsToNodes) {
    throw invalidArgument(
      `The client sends commands again by itself, so a write might be applied twice. Make it with autoResendUnfulfilledCommands: false and maxRetriesPerRequest: 0${client.isCluster ? ' in redisOptions, and with retryDelayOnFailover: 0' : ''}.`,
      { path: 'client' },
    );
  }
  if ((client.options.keyPrefix ?? '') !== '')
    throw invalidArgument('The client has a keyPrefix of its own; give it here as prefix instead.', { path: 'client' });
}

/** Checks options and fills in what is missing. */
export function toSettings(options: RedisOptions = {}): RedisSettings {
  const { client, clock = Date.now, newId, defaultTimeoutMs, fields = [] } = options;
  checkClient(client);
  const connection = toConnection(options);
  const prefix = options.prefix ?? options.keyPrefix ?? 'storage:';
  assertText(prefix, 'prefix');
  if (/[{}]/.test(prefix) || prefix.length > 128)
    throw invalidArgument('prefix has at most 128 characters and no braces.', { path: 'prefix' });
  if (!Array.isArray(fields)) throw invalidArgument('fields is a list of paths.', { path: 'fields' });
  const index = flag(options.index ?? true, 'index');
  if (!index && fields.length > 0)
    throw invalidArgument('fields need the index; leave them out, or index: false.', { path: 'fields' });
  const { search = 'auto' } = options;
  if (search !== 'auto' && search !== 'required')
    throw invalidArgument('search is auto or required.', { path: 'search' });
  const clustered = client?.isCluster ?? connection.cluster !== undefined;
  const searchRequired = search === 'required';
  if (searchRequired && (fields.length === 0 || clustered))
    throw invalidArgument('search: required needs fields, and a server that is no cluster.', { path: 'search' });
  return {
    connection,
    client,
    searchRequired,
    prefix,
    index,
    fields: (fields as readonly unknown[]).map(field),
    buckets: wholeNumber(options.buckets ?? (clustered ? 16 : 1), 1, 1024, 'buckets'),
    scanLimit: wholeNumber(options.scanLimit ?? 10_000, 1, 10_000_000, 'scanLimit'),
    maxValueBytes: wholeNumber(options.maxValueBytes ?? 64 * 1024 * 1024, 1, largestValue, 'maxValueBytes'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
