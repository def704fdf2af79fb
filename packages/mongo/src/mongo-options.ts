import { checkFields, checkNumber, checkOneOf, type DeclaredField } from '@storage/backend-kit';
import { assertText, type CommonOptions, invalidArgument, type SchemaOptions } from '@storage/core';
import type { Connection } from 'mongoose';

/** Options of `createMongo`. */
export interface MongoOptions extends CommonOptions, SchemaOptions {
  /** `mongodb://user:password@host:27017/database?…` or `mongodb+srv://…`, with what else of the connection is to be said. Missing: `mongodb://127.0.0.1:27017`. */
  readonly url?: string | undefined;
  /** A connection of mongoose to use instead of one of the backend's own. It is never closed, and no setting of it is changed. */
  readonly connection?: Connection | undefined;
  /** Missing: the one that `url` names or `connection` uses, else `storage`. */
  readonly database?: string | undefined;
  /** The collection of the records, made when it is missing. Beside it stand `<collection>.files`, `<collection>.chunks` and `<collection>.messages`. Missing: `records`. */
  readonly collection?: string | undefined;
  /** Paths that get an index, as they stand in filters: `data.user.age`, `metadata.event_type`, `updatedAt`. Missing: none. */
  readonly fields?: readonly string[] | undefined;
  /** Whether there are transactions and atomic batches. `open` proves that the server's are real, and is `unsupported` where they are not: a replica set or a sharded cluster has them. Missing: `false`. */
  readonly transactions?: boolean | undefined;
  /** Whether there is messaging, over change streams. `open` is `unsupported` where the server has none: a replica set or a sharded cluster has them. Missing: `false`. */
  readonly changeStreams?: boolean | undefined;
  /** When a write is acknowledged: by a majority of the replica set, or by so many members. Missing: what `url` says (`w`), else `majority`. */
  readonly writeConcern?: 'majority' | number | undefined;
  /** What reads see: what a majority has (`majority`), what the primary has (`local`), or with a round through the set (`linearizable`). Missing: what `url` says (`readConcernLevel`), else `majority`. */
  readonly readConcern?: 'majority' | 'local' | 'linearizable' | undefined;
  /** The most connections that are open at once. Missing: what `url` says (`maxPoolSize`), else 10. */
  readonly poolSize?: number | undefined;
  /** How long a call waits for a server that takes it, in milliseconds; over it `unavailable`. Missing: 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** The largest value, in bytes; JSON is at most 4 MiB all the same. Missing: 64 MiB. At most 1 GiB. */
  readonly maxValueBytes?: number | undefined;
}

/** Options, checked and complete. */
export interface MongoSettings {
  readonly url: string;
  readonly connection: Connection | undefined;
  /** Missing: the connection's own. */
  readonly database: string | undefined;
  readonly collection: string;
  readonly fields: readonly DeclaredField[];
  readonly transactions: boolean;
  readonly changeStreams: boolean;
  /** Missing: as the URL says. */
  readonly writeConcern: 'majority' | number | undefined;
  /** Missing: as the URL says. */
  readonly readConcern: 'majority' | 'local' | 'linearizable' | undefined;
  /** Missing: as the URL says. */
  readonly poolSize: number | undefined;
  readonly connectTimeoutMs: number;
  readonly maxValueBytes: number;
  readonly migrate: 'auto' | 'verify' | 'off';
  /** Missing: the server's clock. */
  readonly clock: (() => number) | undefined;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

const defaultDatabase = 'storage';
const readConcerns = ['majority', 'local', 'linearizable'] as const;
/** What a whole name of database and collection may have, less the longest name beside a collection. */
const maxNameBytes = 200;

function checkName(value: unknown, name: string, pattern: RegExp, rule: string): string {
  assertText(value, name);
  if (Buffer.byteLength(value) > maxNameBytes || !pattern.test(value)) {
    throw invalidArgument(`${name} is ${rule}, of at most ${maxNameBytes} bytes.`, { path: name });
  }
  return value;
}

function checkDatabase(value: unknown): string {
  return checkName(value, 'database', /^[^/\\. "$*<>:|?]{1,63}$/u, 'a name without spaces and / \\ . " $ * < > : | ?');
}

function checkCollection(value: unknown): string {
  return checkName(
    value,
    'collection',
    /^(?!system\.)[^$]*[^$.]$/u,
    "a name without $ that does not begin with 'system.'",
  );
}

function checkFlag(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(`${name} is true or false.`, { path: name });
  return value;
}

/** The parameters of a connection string, without reading anything else of it: it may hold a secret. */
function urlParameters(url: string): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? '');
}

function hasParameter(parameters: URLSearchParams, name: string): boolean {
  return [...parameters.keys()].some((key) => key.toLowerCase() === name.toLowerCase());
}

/** The database that a connection string names. */
function urlDatabase(url: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^/?]+)/.exec(url)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}

function checkUrl(value: unknown): string {
  assertText(value, 'url');
  if (!/^mongodb(\+srv)?:\/\/./.test(value))
    throw invalidArgument('url begins with mongodb:// or mongodb+srv://.', { path: 'url' });
  return value;
}

/** Checks options and fills in what is missing. */
export function mongoSettings(options: MongoOptions = {}): MongoSettings {
  const { connection, clock, newId, defaultTimeoutMs } = options;
  if (options.url !== undefined && connection !== undefined)
    throw invalidArgument('url and connection exclude one another.', { path: 'connection' });
  const url = checkUrl(options.url ?? 'mongodb://127.0.0.1:27017');
  const said = (name: string): boolean => connection === undefined && hasParameter(urlParameters(url), name);
  const writeConcern = options.writeConcern ?? (said('w') ? undefined : 'majority');
  const poolSize = options.poolSize ?? (said('maxPoolSize') ? undefined : 10);
  const readConcern = options.readConcern ?? (said('readConcernLevel') ? undefined : 'majority');
  return {
    url,
    connection,
    database:
      options.database === undefined
        ? connection === undefined
          ? checkDatabase(urlDatabase(url) ?? defaultDatabase)
          : undefined
        : checkDatabase(options.database),
    collection: checkCollection(options.collection ?? 'records'),
    fields: checkFields(options.fields ?? []),
    transactions: checkFlag(options.transactions ?? false, 'transactions'),
    changeStreams: checkFlag(options.changeStreams ?? false, 'changeStreams'),
    writeConcern:
      typeof writeConcern === 'number'
        ? checkNumber(writeConcern, 1, 50, 'writeConcern')
        : writeConcern && checkOneOf<'majority'>(writeConcern, ['majority'], 'writeConcern'),
    readConcern: readConcern && checkOneOf(readConcern, readConcerns, 'readConcern'),
    poolSize: poolSize === undefined ? undefined : checkNumber(poolSize, 1, 1000, 'poolSize'),
    connectTimeoutMs: checkNumber(options.connectTimeoutMs ?? 10_000, 1, 2 ** 31 - 1, 'connectTimeoutMs'),
    maxValueBytes: checkNumber(options.maxValueBytes ?? 64 * 1024 * 1024, 1, 1024 * 1024 * 1024, 'maxValueBytes'),
    migrate: checkOneOf(options.migrate ?? 'auto', ['auto', 'verify', 'off'], 'migrate'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
