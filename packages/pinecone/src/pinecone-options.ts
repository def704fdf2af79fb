import { checkNumber, checkOneOf } from '@storage/backend-kit';
import { assertText, type CommonOptions, invalidArgument } from '@storage/core';
import type { PineconeClient } from './pinecone-client.ts';

/** Options of `createPinecone`. */
export interface PineconeOptions extends CommonOptions {
  /** The key of the project. Needed unless `client` is given. */
  readonly apiKey?: string | undefined;
  /** Where indexes are managed. Missing: `https://api.pinecone.io`. */
  readonly controllerUrl?: string | undefined;
  /** A `Pinecone` of the vendor's SDK: its key, addresses, headers and `fetchApi` are used, its own retries are not. */
  readonly client?: PineconeClient | undefined;
  /** The index in which all collections live, as namespaces. Missing: each collection is an index of its own. */
  readonly indexName?: string | undefined;
  /** Begins the names of the indexes of this store: at most 17 of `a-z 0-9 -`. Not with `indexName`. */
  readonly prefix?: string | undefined;
  /** Begins the names of all namespaces of this store in Pinecone. Missing: the default namespace is the root of a collection. */
  readonly namespace?: string | undefined;
  /** With `region`: new indexes are serverless. Missing: `aws`. */
  readonly cloud?: 'aws' | 'gcp' | 'azure' | undefined;
  /** Missing: `us-east-1`. */
  readonly region?: string | undefined;
  /** New indexes run on pods in this environment: `us-west1-gcp`. Not with `cloud` or `region`. */
  readonly environment?: string | undefined;
  /** Missing: `p1.x1`. */
  readonly podType?: string | undefined;
  /** The metric of collections that name none. With `indexName` the only one. */
  readonly metric?: 'cosine' | 'euclidean' | 'dotproduct' | 'dot_product' | 'inner_product' | undefined;
  /** How long a new index may take until it is ready, in milliseconds. Missing: 300,000. */
  readonly readyTimeoutMs?: number | undefined;
  /** How long one request may stay without an answer, in milliseconds; then it is `unavailable`. Missing: 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How often a request is sent again after a 429, a 5xx or a lost connection. Missing: 4. */
  readonly maxRetries?: number | undefined;
  /** The most documents that an exact search reads; over it `scan_limit`. Missing: 10,000. */
  readonly scanLimit?: number | undefined;
}

/** Where new indexes are made. */
export type IndexSpec =
  | { readonly serverless: { readonly cloud: string; readonly region: string } }
  | { readonly pod: { readonly environment: string; readonly podType: string } };

/** Options, checked and complete. */
export interface PineconeSettings {
  readonly apiKey: string | undefined;
  readonly controllerUrl: string | undefined;
  readonly client: PineconeClient | undefined;
  readonly indexName: string | undefined;
  readonly prefix: string;
  readonly namespace: string | undefined;
  readonly spec: IndexSpec;
  readonly metric: 'cosine' | 'euclidean' | 'dot_product' | undefined;
  readonly readyTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxRetries: number;
  readonly scanLimit: number;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

const clouds = ['aws', 'gcp', 'azure'] as const;
const metrics = ['cosine', 'euclidean', 'dotproduct', 'dot_product', 'inner_product'] as const;

function optionalText(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '')
    throw invalidArgument(`${name} is a text that is not empty.`, { path: name });
  assertText(value, name);
  return value;
}

function wholeNumber(value: unknown, from: number, to: number, name: string): number {
  const checked = checkNumber(value, from, to, name);
  if (!Number.isInteger(checked)) throw invalidArgument(`${name} is a whole number.`, { path: name });
  return checked;
}

/** A key is sent in a header, where anything else would fail in words that repeat it. */
function checkKey(apiKey: string | undefined): void {
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
    throw invalidArgument('apiKey has printable characters without spaces only; copy it again from the console.', {
      path: 'apiKey',
    });
}

function checkUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidArgument('controllerUrl is an http or https address.', { path: 'controllerUrl' });
  return url.replace(/\/+$/, '');
}

function checkIndexName(name: string | undefined): string | undefined {
  if (name !== undefined && !/^[a-z0-9](?:[a-z0-9-]{0,43}[a-z0-9])?$/.test(name))
    throw invalidArgument('indexName has 1 to 45 of a-z 0-9 -, beginning and ending with a letter or digit.', {
      path: 'indexName',
    });
  return name;
}

function checkPrefix(prefix: string | undefined, indexName: string | undefined): string {
  if (prefix === undefined) return '';
  if (indexName !== undefined)
    throw invalidArgument('prefix names indexes, and with indexName there is one only; use namespace.', {
      path: 'prefix',
    });
  if (!/^[a-z0-9][a-z0-9-]{0,16}$/.test(prefix))
    throw invalidArgument('prefix has at most 17 of a-z 0-9 -, beginning with a letter or digit.', { path: 'prefix' });
  return prefix;
}

function toSpec(options: PineconeOptions): IndexSpec {
  const environment = optionalText(options.environment, 'environment');
  const podType = optionalText(options.podType, 'podType');
  const region = optionalText(options.region, 'region');
  if (environment === undefined) {
    if (podType !== undefined)
      throw invalidArgument('podType needs environment, which makes pod indexes.', { path: 'podType' });
    const cloud = checkOneOf(options.cloud ?? 'aws', clouds, 'cloud');
    return { serverless: { cloud, region: region ?? 'us-east-1' } };
  }
  if (options.cloud !== undefined || region !== undefined)
    throw invalidArgument('environment makes pod indexes, cloud and region serverless ones; give one of the two.', {
      path: 'environment',
    });
  return { pod: { environment, podType: podType ?? 'p1.x1' } };
}

function toMetric(metric: PineconeOptions['metric']): PineconeSettings['metric'] {
  if (metric === undefined) return undefined;
  const known = checkOneOf(metric, metrics, 'metric');
  return known === 'cosine' || known === 'euclidean' ? known : 'dot_product';
}

/** Checks options and fills in what is missing. */
export function pineconeSettings(options: PineconeOptions = {}): PineconeSettings {
  const { client, clock = Date.now, newId, defaultTimeoutMs } = options;
  const apiKey = optionalText(options.apiKey, 'apiKey');
  const controllerUrl = checkUrl(optionalText(options.controllerUrl, 'controllerUrl'));
  checkKey(apiKey);
  if (client !== undefined && (typeof client !== 'object' || client === null || typeof client.getConfig !== 'function'))
    throw invalidArgument('client must be a Pinecone of @pinecone-database/pinecone.', { path: 'client' });
  if (client !== undefined && (apiKey ?? controllerUrl) !== undefined)
    throw invalidArgument('client has its own key and address; leave apiKey and controllerUrl out.', {
      path: 'client',
    });
  const indexName = checkIndexName(optionalText(options.indexName, 'indexName'));
  const namespace = optionalText(options.namespace, 'namespace');
  if (namespace !== undefined && namespace.length > 100)
    throw invalidArgument('namespace has at most 100 characters.', { path: 'namespace' });
  return {
    apiKey,
    controllerUrl,
    client,
    indexName,
    prefix: checkPrefix(optionalText(options.prefix, 'prefix'), indexName),
    namespace,
    spec: toSpec(options),
    metric: toMetric(options.metric),
    readyTimeoutMs: wholeNumber(options.readyTimeoutMs ?? 300_000, 1, 86_400_000, 'readyTimeoutMs'),
    requestTimeoutMs: wholeNumber(options.requestTimeoutMs ?? 30_000, 1, 3_600_000, 'requestTimeoutMs'),
    maxRetries: wholeNumber(options.maxRetries ?? 4, 0, 10, 'maxRetries'),
    scanLimit: wholeNumber(options.scanLimit ?? 10_000, 1, 10_000_000, 'scanLimit'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
