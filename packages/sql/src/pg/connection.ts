import { checkNumber } from '@storage/backend-kit';
import { assertText, invalidArgument } from '@storage/core';
import type { ClientConfig, Pool } from 'pg';

/** Where a PostgreSQL server is, and how it is talked to. */
export interface ConnectionOptions {
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
  /** What the server shows these connections under. Missing: `storage`. */
  readonly applicationName?: string | undefined;
}

/** A server, and how it is reached. */
export interface PostgresPlace {
  /** For messages: without user and password. */
  readonly where: string;
  /** Of the connections of our own. */
  readonly connection: ClientConfig;
}

/** What a pool is made by. */
export interface PoolSettings extends PostgresPlace {
  readonly pool: Pool | undefined;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly namedStatements: boolean;
}

/** Connection options, checked and complete. */
export interface ConnectionSettings extends PoolSettings {
  readonly schema: string;
}

/** Names of PostgreSQL are cut behind so many bytes, without a word. */
const maxNameBytes = 63;

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
function placeOf(url: string, name: string): string {
  if (!URL.canParse(url) || !/^postgres(ql)?:/.test(url))
    throw invalidArgument(`${name} is postgres://user:password@host:port/database.`, { path: name });
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = hostname === '' ? (searchParams.get('host') ?? 'localhost') : hostname;
  return `${host}:${port === '' ? 5432 : port}${pathname === '/' ? '' : pathname}`;
}

const parts = ['host', 'port', 'database', 'user', 'password'] as const;

function sharedConnection({ ssl, applicationName = 'storage' }: ConnectionOptions): ClientConfig {
  return {
    application_name: checkText(applicationName, 'applicationName'),
    keepAlive: true,
    ...(ssl !== undefined && { ssl }),
  };
}

/** The server of a URL, for which the other options hold too. `name`: the option that the URL stands in. */
export function placeOfUrl(url: unknown, options: ConnectionOptions, name: string = 'url'): PostgresPlace {
  assertText(url, name);
  return { where: placeOf(url, name), connection: { ...sharedConnection(options), connectionString: url } };
}

function toPlace(options: ConnectionOptions): PostgresPlace {
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
  if (url !== undefined) return placeOfUrl(url, options);
  const { password } = options;
  const host = checkText(options.host ?? 'localhost', 'host');
  const port = checkNumber(options.port ?? 5432, 1, 65_535, 'port');
  const database = checkName(options.database ?? 'postgres', 'database');
  const user = checkName(options.user ?? 'postgres', 'user');
  if (password !== undefined) assertText(password, 'password');
  return {
    where: `${host}:${port}/${database}`,
    connection: {
      ...sharedConnection(options),
      host,
      port,
      database,
      user,
      ...(password !== undefined && { password }),
    },
  };
}

/** Checks options and fills in what is missing. */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
  const { pool, namedStatements = true } = options;
  const place = toPlace(options);
  if (typeof namedStatements !== 'boolean')
    throw invalidArgument('namedStatements is true or false.', { path: 'namedStatements' });
  return {
    ...place,
    pool,
    schema: checkName(options.schema ?? 'public', 'schema'),
    poolSize: checkNumber(options.poolSize ?? 10, 1, 10_000, 'poolSize'),
    connectTimeoutMs: checkNumber(options.connectTimeoutMs ?? 10_000, 1, 2 ** 31 - 1, 'connectTimeoutMs'),
    namedStatements,
  };
}

/** The variables of a PostgreSQL server as options: `POSTGRES_HOST _PORT _DB _USER _PASSWORD`, or `POSTGRES_URL`; `POSTGRES_SCHEMA`. */
export function connectionFromEnv(env: { readonly [name: string]: string | undefined }): ConnectionOptions {
  const {
    POSTGRES_URL: url,
    POSTGRES_HOST: host,
    POSTGRES_PORT: port,
    POSTGRES_DB: database,
    POSTGRES_USER: user,
    POSTGRES_PASSWORD: password,
    POSTGRES_SCHEMA: schema,
  } = env;
  return {
    ...(url !== undefined && { url }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port: Number(port) }),
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(schema !== undefined && { schema }),
  };
}
