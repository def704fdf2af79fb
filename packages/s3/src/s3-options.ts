import { checkOneOf } from '@storage/backend-kit';
import { assertText, type CommonOptions, invalidArgument, utf8Length } from '@storage/core';
import type { Client } from 'minio';

/** What a server may take a condition with: `write` (PUT), `stream` (the end of a multipart upload), `delete`. */
export type S3Condition = 'write' | 'stream' | 'delete';

/** Options of `createS3`. */
export interface S3Options extends CommonOptions {
  /** The bucket. Made at `open` when it is missing, unless `autoCreate` is false. */
  readonly bucketName: string;
  /** Missing, together with `secretAccessKey`: requests are not signed. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** Missing: `us-east-1`. */
  readonly region?: string | undefined;
  /** A host, `host:port`, or a URL, whose scheme then decides over `secure`. Missing: AWS, in `region`. */
  readonly endpoint?: string | undefined;
  /** Whether TLS is used. Missing: `true`. */
  readonly secure?: boolean | undefined;
  /** `false`: a bucket that is missing is `not_found`. Missing: `true`. */
  readonly autoCreate?: boolean | undefined;
  /** A client of `minio` to use instead of one of the backend's own. Its credentials and its agent are used as they are. */
  readonly client?: Client | undefined;
  /** Everything lies below this path of the bucket: `team/app`. Missing: the whole bucket. */
  readonly prefix?: string | undefined;
  /**
   * `plain`: a record's key is its object's name, so keys are relative paths and lists come as the server orders them. `safe`: names
   * are encoded, any key is legal, and lists are in order. Missing: `plain`. A bucket's layout never changes.
   */
  readonly layout?: 'plain' | 'safe' | undefined;
  /** `false`: the bucket is part of the host name. Missing: `true`, except on AWS. */
  readonly pathStyle?: boolean | undefined;
  /** Bytes of one part of a multipart upload, 5 MiB to 512 MiB: what a stream holds in memory. Missing: 8 MiB. */
  readonly partBytes?: number | undefined;
  /**
   * What the server takes a condition with. Shown at `open` to be so, else it fails with `unsupported`. Missing: `['write']`. MinIO:
   * `['write', 'stream']`; SeaweedFS: `['write', 'delete']`; AWS: all three. `[]`: none, for servers that ignore conditions.
   */
  readonly conditional?: readonly S3Condition[] | undefined;
  /** The most records that one query reads; over it `scan_limit`. Missing: 10,000. */
  readonly scanLimit?: number | undefined;
  /** The most requests under way at once. Missing: 64. Not for an injected `client`. */
  readonly maxConnections?: number | undefined;
  /** Whether expired records are removed behind writes that expire. Missing: `true` if `conditional` has `delete`, else `false`. */
  readonly sweep?: boolean | undefined;
  /**
   * Days after which the server itself removes what has expired, as classes: `[1, 7, 30]`. A record that expires is tagged with the
   * smallest class that outlives it, and the bucket gets a rule for each class, and one that ends abandoned uploads. Missing: none.
   */
  readonly lifecycle?: readonly number[] | undefined;
}

/** Options, checked and complete. */
export interface S3Settings {
  readonly bucket: string;
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
  readonly sessionToken: string | undefined;
  readonly region: string;
  readonly host: string;
  /** `undefined`: the scheme's own. */
  readonly port: number | undefined;
  readonly secure: boolean;
  readonly autoCreate: boolean;
  readonly client: Client | undefined;
  /** `''`, or a path that ends in a slash. */
  readonly prefix: string;
  readonly layout: 'plain' | 'safe';
  readonly pathStyle: boolean;
  readonly partBytes: number;
  readonly conditional: ReadonlySet<S3Condition>;
  readonly scanLimit: number;
  readonly maxConnections: number;
  readonly sweep: boolean;
  readonly lifecycle: readonly number[];
  /** `undefined`: the server's. */
  readonly clock: (() => number) | undefined;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

const mebibyte = 1024 * 1024;
const conditions: readonly S3Condition[] = ['write', 'stream', 'delete'];

function text(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  assertText(value, name);
  if (value === '') throw invalidArgument(`${name} is empty; leave it out or give it a value.`, { path: name });
  return value;
}

function flag(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalidArgument(`${name} is true or false.`, { path: name });
  return value;
}

function wholeWithin(value: unknown, from: number, to: number, name: string): number {
  if (!Number.isInteger(value) || (value as number) < from || (value as number) > to) {
    throw invalidArgument(`${name} is a whole number from ${from} to ${to}.`, { path: name });
  }
  return value as number;
}

function bucketOf(value: unknown): string {
  const name = text(value, 'bucketName');
  if (name === undefined || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes('..')) {
    throw invalidArgument(
      'bucketName is 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit.',
      { path: 'bucketName' },
    );
  }
  return name;
}

/** Host, port and scheme of `endpoint`. */
function addressOf({ endpoint, secure }: S3Options): Pick<S3Settings, 'host' | 'port' | 'secure'> {
  const given = text(endpoint, 'endpoint');
  const wanted = secure === undefined ? undefined : flag(secure, 'secure', true);
  if (given === undefined) return { host: 's3.amazonaws.com', port: undefined, secure: wanted ?? true };
  const refusal = (): Error =>
    invalidArgument('endpoint is a host, host:port or an http(s) URL, without path and credentials.', {
      path: 'endpoint',
    });
  const whole = given.includes('://') ? given : `${(wanted ?? true) ? 'https' : 'http'}://${given}`;
  if (!URL.canParse(whole)) throw refusal();
  const url = new URL(whole);
  const scheme = url.protocol === 'https:';
  if ((!scheme && url.protocol !== 'http:') || url.username || url.password || url.pathname !== '/' || url.search) {
    throw refusal();
  }
  if (wanted !== undefined && wanted !== scheme) {
    throw invalidArgument(`secure is ${wanted}, and the scheme of endpoint says otherwise; leave one of them out.`, {
      path: 'secure',
    });
  }
  return { host: url.hostname, port: url.port === '' ? undefined : Number(url.port), secure: scheme };
}

/** The prefix as object names begin with it. It may not hold what one server or another renames. */
function prefixOf(value: unknown): string {
  const given = text(value, 'prefix')?.replace(/\/$/, '');
  if (given === undefined) return '';
  const bad = given.split('/').some((part) => part === '' || part === '.' || part === '..' || part.startsWith('-'));
  if (bad || !/^[\w.!'()/-]+$/.test(given) || utf8Length(given) > 256) {
    throw invalidArgument(
      "prefix is a path of at most 256 letters, digits, `_.-!'()`, without parts that are empty, `.`, `..` or begin with a hyphen.",
      { path: 'prefix' },
    );
  }
  return `${given}/`;
}

function conditionsOf(value: unknown): ReadonlySet<S3Condition> {
  if (value === undefined) return new Set<S3Condition>(['write']);
  const given: ReadonlySet<unknown> = new Set(Array.isArray(value) ? value : [undefined]);
  if (![...given].every((condition) => conditions.includes(condition as S3Condition)))
    throw invalidArgument(`conditional is a list of ${conditions.join(', ')}.`, { path: 'conditional' });
  if (given.size > 0 && !given.has('write'))
    throw invalidArgument('conditional names streams or deletes without writes; no server is like that.', {
      path: 'conditional',
    });
  return given as ReadonlySet<S3Condition>;
}

function lifecycleOf(value: unknown): readonly number[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 20)
    throw invalidArgument('lifecycle is a list of at most 20 numbers of days.', { path: 'lifecycle' });
  const days = (value as readonly unknown[]).map((day, index) => wholeWithin(day, 1, 36_500, `lifecycle[${index}]`));
  return [...new Set(days)].sort((a, b) => a - b);
}

/** Checks options and fills in what is missing. */
export function toSettings(options: S3Options): S3Settings {
  if (typeof options !== 'object' || options === null)
    throw invalidArgument('createS3 needs options, at least bucketName.', { path: 'bucketName' });
  const { client, clock, newId, defaultTimeoutMs, layout = 'plain' } = options;
  const accessKey = text(options.accessKeyId, 'accessKeyId');
  const secretKey = text(options.secretAccessKey, 'secretAccessKey');
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    const missing = accessKey === undefined ? 'accessKeyId' : 'secretAccessKey';
    throw invalidArgument(`accessKeyId and secretAccessKey belong together; ${missing} is missing.`, { path: missing });
  }
  if (client !== undefined && (accessKey !== undefined || options.endpoint !== undefined)) {
    throw invalidArgument('client has its own endpoint and credentials; leave out endpoint and the keys.', {
      path: 'client',
    });
  }
  const address = addressOf(options);
  const conditional = conditionsOf(options.conditional);
  return {
    bucket: bucketOf(options.bucketName),
    accessKey,
    secretKey,
    sessionToken: text(options.sessionToken, 'sessionToken'),
    region: text(options.region, 'region') ?? 'us-east-1',
    ...address,
    autoCreate: flag(options.autoCreate, 'autoCreate', true),
    client,
    prefix: prefixOf(options.prefix),
    layout: checkOneOf(layout, ['plain', 'safe'], 'layout'),
    pathStyle: flag(options.pathStyle, 'pathStyle', true),
    partBytes: wholeWithin(options.partBytes ?? 8 * mebibyte, 5 * mebibyte, 512 * mebibyte, 'partBytes'),
    conditional,
    scanLimit: wholeWithin(options.scanLimit ?? 10_000, 1, 10_000_000, 'scanLimit'),
    maxConnections: wholeWithin(options.maxConnections ?? 64, 1, 4096, 'maxConnections'),
    sweep: flag(options.sweep, 'sweep', conditional.has('delete')),
    lifecycle: lifecycleOf(options.lifecycle),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
