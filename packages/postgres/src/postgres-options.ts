import { checkFields, checkNumber, checkOneOf, type DeclaredField } from '@storage/backend-kit';
import { assertText, type CommonOptions, invalidArgument, type SchemaOptions } from '@storage/core';
import type { ClientConfig, Pool } from 'pg';
import { type ListenSettings, listenSettings, type PostgresListenOptions } from './postgres-listen-options.ts';

/** Options of `createPostgres`. */
export interface PostgresOptions extends CommonOptions, SchemaOptions {
  /** Missing: `localhost`. A path that begins with `/` is the folder of a Unix socket. */
  readonly host?: string | undefined;
  /** Missing: 5432. */
  readonly port?: number | undefined;
  /** Missing: `postgres`. */
  readonly database?: string | undefined;
  /** Missing: `postgres`. */
  readonly user?: string | undefined;
  /** Missing: none; the driver then looks at `PGPASSWORD` and `~/.pgpass`, as every client of PostgreSQL does. */
  readonly password?: string | undefined;
  /** `postgres://user:password@host:port/database`, in place of the five above. */
  readonly url?: string | undefined;
  /** The same as `url`. */
  readonly connectionString?: string | undefined;
  /** A pool of `pg` to use instead of one of the backend's own. It is never closed, and no setting of its connections is changed. */
  readonly pool?: Pool | undefined;
  /** The schema that holds the tables; made when it is missing. Missing: `public`. */
  readonly schema?: string | undefined;
  /** TLS, as `node:tls` takes it: `true` checks the server's certificate against this machine's authorities. Missing: none, or what the URL says. */
  readonly ssl?: ClientConfig['ssl'];
  /** The most connections that are open at once. Missing: 10. */
  readonly poolSize?: number | undefined;
  /** How long a call waits for a connection, in milliseconds; over it `unavailable`. Missing: 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Statements are prepared once a connection and session settings are made. `false` behind a pooler that hands each transaction another connection, such as PgBouncer. Missing: `true`. */
  readonly namedStatements?: boolean | undefined;
  /** The connection that messages are listened for on: one of its own, while there are subscriptions. With `namedStatements: false` there are no messages unless it has a `url`. */
  readonly listen?: PostgresListenOptions | undefined;
  /** URLs of standbys that answer what is read through `stale`, in turn; `ssl` and `schema` are those of the primary. Missing: none. */
  readonly replicas?: readonly string[] | undefined;
  /** What the server shows these connections under. Missing: `storage`. */
  readonly applicationName?: string | undefined;
  /** Paths that get an index, as they stand in filters: `data.user.age`, `metadata.event_type`, `updatedAt`. `data` or `metadata` alone: one index for equality on any path in it. Missing: none. */
  readonly fields?: readonly string[] | undefined;
  /** The largest value, in bytes. Missing: 16 MiB. At most 64 MiB. */
  readonly maxValueBytes?: number | undefined;
}

/** A server, and how it is reached. */
export interface PostgresPlace {
  /** For messages: without user and password. */
  readonly where: string;
  /** Of the connections of our own. */
  readonly connection: ClientConfig;
}

/** Options, checked and complete. */
export interface PostgresSettings extends PostgresPlace {
  readonly pool: Pool | undefined;
  readonly replicas: readonly PostgresPlace[];
  readonly schema: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly namedStatements: boolean;
  /** Missing: there are no messages. */
  readonly listen: ListenSettings | undefined;
  readonly fields: readonly DeclaredField[];
  readonly maxValueBytes: number;
  readonly migrate: 'auto' | 'verify' | 'off';
  /** Missing: the server's clock. */
  readonly clock: (() => number) | undefined;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

/** Names of PostgreSQL are cut behind so many bytes, without a word. */
const maxNameBytes = 63;
const largestValue = 64 * 1024 * 1024;

function checkName(value: unknown, name: string): string {
  assertText(value, name);
  if (value === '' || Buffer.byteLength(value) > maxNameBytes)
    throw invalidArgument(`${name} has 1 to ${maxNameBytes} bytes.`, { path: name });
  return value;
}

function checkText(value: unknown, name: string): string {
  assertText(value, name);
  if (value === '') throw invalidArgument(`${name} is empty; give it, or leave it out.`, { path: name });
  return value;
}

/** Takes a URL for what it says of the place, and refuses what is none. */
function placeOf(url: string, name: string = 'url'): string {
  if (!URL.canParse(url) || !/^postgres(ql)?:/.test(url))
    throw invalidArgument(`${name} is postgres://user:password@host:port/database.`, { path: name });
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = hostname === '' ? (searchParams.get('host') ?? 'localhost') : hostname;
  return `${host}:${port === '' ? 5432 : port}${pathname === '/' ? '' : pathname}`;
}

const parts = ['host', 'port', 'database', 'user', 'password'] as const;

function sharedConnection({ ssl, applicationName = 'storage' }: PostgresOptions): ClientConfig {
  return {
    application_name: checkText(applicationName, 'applicationName'),
    keepAlive: true,
    ...(ssl !== undefined && { ssl }),
  };
}

function toReplicas(options: PostgresOptions): readonly PostgresPlace[] {
  const { replicas = [] } = options;
  if (!Array.isArray(replicas)) throw invalidArgument('replicas is a list of URLs.', { path: 'replicas' });
  const shared = sharedConnection(options);
  return (replicas as readonly unknown[]).map((url, index) => {
    const name = `replicas[${index}]`;
    assertText(url, name);
    return { where: placeOf(url, name), connection: { ...shared, connectionString: url } };
  });
}

/** The settings of a pool to a replica of the store. */
export function replicaSettings(settings: PostgresSettings, place: PostgresPlace): PostgresSettings {
  return { ...settings, ...place, pool: undefined, replicas: [] };
}

function toConnection(options: PostgresOptions): PostgresPlace {
  const { pool } = options;
  if (options.url !== undefined && options.connectionString !== undefined)
    throw invalidArgument('url and connectionString are two names of one option; give one.', {
      path: 'connectionString',
    });
  const url: unknown = options.url ?? options.connectionString;
  const given = parts.find((part) => options[part] !== undefined);
  if (url !== undefined && given !== undefined)
    throw invalidArgument(`url and ${given} exclude one another.`, { path: given });
  if (pool !== undefined) {
    if (url !== undefined || given !== undefined)
      throw invalidArgument(`pool and ${given ?? 'url'} exclude one another.`, { path: 'pool' });
    if (typeof pool !== 'object' || pool === null || typeof pool.connect !== 'function')
      throw invalidArgument('pool is a Pool of the package pg.', { path: 'pool' });
    return { where: 'the server of the given pool', connection: {} };
  }
  const shared = sharedConnection(options);
  if (url !== undefined) {
    assertText(url, 'url');
    return { where: placeOf(url), connection: { ...shared, connectionString: url } };
  }
  const { password } = options;
  const host = checkText(options.host ?? 'localhost', 'host');
  const port = checkNumber(options.port ?? 5432, 1, 65_535, 'port');
  const database = checkName(options.database ?? 'postgres', 'database');
  const user = checkName(options.user ?? 'postgres', 'user');
  if (password !== undefined) assertText(password, 'password');
  return {
    where: `${host}:${port}/${database}`,
    connection: { ...shared, host, port, database, user, ...(password !== undefined && { password }) },
  };
}

/** Checks options and fills in what is missing. */
export function postgresSettings(options: PostgresOptions = {}): PostgresSettings {
  const { pool, namedStatements = true, clock, newId, defaultTimeoutMs } = options;
  const { where, connection } = toConnection(options);
  if (typeof namedStatements !== 'boolean')
    throw invalidArgument('namedStatements is true or false.', { path: 'namedStatements' });
  return {
    where,
    connection,
    pool,
    replicas: toReplicas(options),
    schema: checkName(options.schema ?? 'public', 'schema'),
    poolSize: checkNumber(options.poolSize ?? 10, 1, 10_000, 'poolSize'),
    connectTimeoutMs: checkNumber(options.connectTimeoutMs ?? 10_000, 1, 2 ** 31 - 1, 'connectTimeoutMs'),
    namedStatements,
    listen: listenSettings(options.listen, pool?.options ?? connection, !namedStatements),
    fields: checkFields(options.fields ?? []),
    maxValueBytes: checkNumber(options.maxValueBytes ?? 16 * 1024 * 1024, 1, largestValue, 'maxValueBytes'),
    migrate: checkOneOf(options.migrate ?? 'auto', ['auto', 'verify', 'off'], 'migrate'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
