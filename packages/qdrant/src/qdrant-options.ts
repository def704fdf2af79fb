import type { QdrantClient } from '@qdrant/js-client-rest';
import { checkNumber, checkOneOf } from '@storage/backend-kit';
import { assertText, type CallOptions, type CommonOptions, invalidArgument, type Metric } from '@storage/core';

/** A sparse vector: the places that are not 0, each once, and what stands there. */
export interface SparseVector {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/** Turns texts into sparse vectors, one each, in order. */
export type SparseEmbedder = (
  texts: readonly string[],
  options?: CallOptions,
) => readonly SparseVector[] | Promise<readonly SparseVector[]>;

/** The graph that searches follow. */
export interface QdrantHnsw {
  /** Edges of a node. Missing: the server's, 16. 0: no graph, every search is exact. */
  readonly m?: number | undefined;
  /** Neighbours looked at when a node is added. Missing: the server's, 100. */
  readonly efConstruct?: number | undefined;
  /** Neighbours looked at by a search. Missing: the server's, `efConstruct`. */
  readonly ef?: number | undefined;
  /** Whether the graph is kept on disk. Missing: in memory. */
  readonly onDisk?: boolean | undefined;
}

/** Smaller copies of vectors that searches begin with. Scores are always those of the full vectors. */
export interface QdrantQuantization {
  /** `scalar`: a byte for each number; `product`: a byte for 4 to 16; `binary`: a bit for each. */
  readonly type: 'scalar' | 'product' | 'binary';
  /** Of `product`. Missing: `x16`. */
  readonly compression?: 'x4' | 'x8' | 'x16' | 'x32' | 'x64' | undefined;
  /** How many times as many as asked for are compared by their full vectors. Missing: 2 for scalar, 4 for product and binary. */
  readonly oversampling?: number | undefined;
  /** Whether the copies stay in memory. Missing: `true`. */
  readonly alwaysRam?: boolean | undefined;
}

/** Options of `createQdrant`. */
export interface QdrantOptions extends CommonOptions {
  /** `http://` or `https://`, a host, perhaps a port (missing: 6333) and a path. Missing: `http://localhost:6333`. */
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
  /** A client of yours to use instead; it is never closed. Its own `timeout` holds beside that of each call. */
  readonly client?: QdrantClient | undefined;
  /** The collection that a DataManager keeps data in. With `vectorSize` it is made at `open` where it is not there yet. */
  readonly collectionName?: string | undefined;
  /** The dimension of `collectionName`. */
  readonly vectorSize?: number | undefined;
  /** The metric of `collectionName`. Missing: `cosine`. */
  readonly metric?: Metric | 'inner_product' | undefined;
  /** Begins the server's name of every collection of this store; others are not seen. Missing: none, every collection of the server is seen. */
  readonly prefix?: string | undefined;
  /** Of collections that are made here. */
  readonly hnsw?: QdrantHnsw | undefined;
  /** Of collections that are made here. Missing: none. */
  readonly quantization?: QdrantQuantization | undefined;
  /** Whether vectors of collections that are made here stay on disk. Missing: the server's setting. */
  readonly onDisk?: boolean | undefined;
  /** Whether payloads of collections that are made here stay on disk. Missing: the server's setting. */
  readonly onDiskPayload?: boolean | undefined;
  /** Of collections that are made here on a cluster. */
  readonly shardNumber?: number | undefined;
  /** Of collections that are made here on a cluster. Every replica takes a write before it is acknowledged. */
  readonly replicationFactor?: number | undefined;
  /** Sparse vectors of contents, for hybrid search: `true`, words hashed to numbers; or a function of yours. Of collections that are made here. Missing: none. */
  readonly sparse?: boolean | SparseEmbedder | undefined;
  /** How many connections the client of this backend opens at most. Missing: 25. */
  readonly maxConnections?: number | undefined;
}

/** Where a server is. */
interface QdrantAddress {
  readonly host: string;
  readonly port: number;
  readonly https: boolean;
  readonly path: string;
}

/** Options, checked and complete. */
export interface QdrantSettings {
  readonly address: QdrantAddress;
  /** Names the server in messages, without secrets. */
  readonly where: string;
  readonly apiKey: string | undefined;
  readonly client: QdrantClient | undefined;
  readonly collectionName: string | undefined;
  readonly vectorSize: number | undefined;
  readonly metric: Metric;
  readonly prefix: string;
  readonly hnsw: QdrantHnsw;
  readonly quantization: QdrantQuantization | undefined;
  readonly onDisk: boolean | undefined;
  readonly onDiskPayload: boolean | undefined;
  readonly shardNumber: number | undefined;
  readonly replicationFactor: number | undefined;
  readonly sparse: boolean | SparseEmbedder;
  readonly maxConnections: number | undefined;
  readonly clock: (() => number) | undefined;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

/** Qdrant's largest. */
export const maxDimension = 65_535;

function addressOf(url: string): QdrantAddress {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '')
    throw invalidArgument('url is an address such as http://localhost:6333.', { path: 'url' });
  if (parsed.username !== '' || parsed.password !== '')
    throw invalidArgument('url has no user and password; pass the key as apiKey.', { path: 'url' });
  const https = parsed.protocol === 'https:';
  // A port that is the scheme's own is left out by URL, though it was asked for.
  const named = new RegExp(`^https?://[^/?#]*:${https ? 443 : 80}(?:[/?#]|$)`).test(url) ? (https ? 443 : 80) : 6333;
  const port = parsed.port === '' ? named : Number(parsed.port);
  return { host: parsed.hostname, port, https, path: parsed.pathname.replace(/\/+$/, '') };
}

function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined) return undefined;
  assertText(value, path);
  if (value === '') throw invalidArgument(`${path} is empty; leave it out instead.`, { path });
  return value;
}

function optionalNumber(value: unknown, from: number, to: number, path: string): number | undefined {
  if (value === undefined) return undefined;
  const checked = checkNumber(value, from, to, path);
  if (!Number.isInteger(checked)) throw invalidArgument(`${path} is a whole number.`, { path });
  return checked;
}

function optionalFlag(value: unknown, path: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw invalidArgument(`${path} is true or false.`, { path });
  return value;
}

function checkHnsw(hnsw: QdrantHnsw | undefined): QdrantHnsw {
  if (hnsw === undefined) return {};
  return {
    m: optionalNumber(hnsw.m, 0, 512, 'hnsw.m'),
    efConstruct: optionalNumber(hnsw.efConstruct, 4, 100_000, 'hnsw.efConstruct'),
    ef: optionalNumber(hnsw.ef, 1, 100_000, 'hnsw.ef'),
    onDisk: optionalFlag(hnsw.onDisk, 'hnsw.onDisk'),
  };
}

const compressions = ['x4', 'x8', 'x16', 'x32', 'x64'] as const;

function checkQuantization(quantization: QdrantQuantization | undefined): QdrantQuantization | undefined {
  if (quantization === undefined) return undefined;
  const { type, compression, oversampling, alwaysRam } = quantization;
  return {
    type: checkOneOf(type, ['scalar', 'product', 'binary'], 'quantization.type'),
    compression:
      compression === undefined ? undefined : checkOneOf(compression, compressions, 'quantization.compression'),
    oversampling:
      oversampling === undefined ? undefined : checkNumber(oversampling, 1, 100, 'quantization.oversampling'),
    alwaysRam: optionalFlag(alwaysRam, 'quantization.alwaysRam'),
  };
}

function checkMetric(metric: unknown = 'cosine'): Metric {
  if (metric === 'inner_product') return 'dot_product';
  return checkOneOf(metric, ['cosine', 'dot_product', 'euclidean'], 'metric');
}

function checkPrefix(prefix: unknown = ''): string {
  if (typeof prefix !== 'string' || !/^[a-zA-Z0-9._-]{0,100}$/.test(prefix))
    throw invalidArgument('prefix has at most 100 of a-z A-Z 0-9 . _ -', { path: 'prefix' });
  return prefix;
}

/** Bad options are `invalid_argument`. */
export function qdrantSettings(options: QdrantOptions = {}): QdrantSettings {
  const { url = 'http://localhost:6333', client, clock, newId, defaultTimeoutMs, sparse = false } = options;
  assertText(url, 'url');
  const address = addressOf(url);
  const apiKey = optionalText(options.apiKey, 'apiKey');
  if (client !== undefined && (options.url !== undefined || apiKey !== undefined))
    throw invalidArgument('client stands in the place of url and apiKey; pass one of them.', { path: 'client' });
  if (typeof sparse !== 'boolean' && typeof sparse !== 'function')
    throw invalidArgument('sparse is true, false or a function that makes sparse vectors of texts.', {
      path: 'sparse',
    });
  const collectionName = optionalText(options.collectionName, 'collectionName');
  const vectorSize = optionalNumber(options.vectorSize, 1, maxDimension, 'vectorSize');
  if (vectorSize !== undefined && collectionName === undefined)
    throw invalidArgument('vectorSize is that of collectionName, which is missing.', { path: 'collectionName' });
  return {
    address,
    where: client === undefined ? `${address.host}:${address.port}${address.path}` : 'the given client',
    apiKey,
    client,
    collectionName,
    vectorSize,
    metric: checkMetric(options.metric),
    prefix: checkPrefix(options.prefix),
    hnsw: checkHnsw(options.hnsw),
    quantization: checkQuantization(options.quantization),
    onDisk: optionalFlag(options.onDisk, 'onDisk'),
    onDiskPayload: optionalFlag(options.onDiskPayload, 'onDiskPayload'),
    shardNumber: optionalNumber(options.shardNumber, 1, 10_000, 'shardNumber'),
    replicationFactor: optionalNumber(options.replicationFactor, 1, 100, 'replicationFactor'),
    sparse,
    maxConnections: optionalNumber(options.maxConnections, 1, 10_000, 'maxConnections'),
    clock,
    newId,
    defaultTimeoutMs,
  };
}
