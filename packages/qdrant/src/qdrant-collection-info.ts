import type { Schemas } from '@qdrant/js-client-rest';
import {
  type CollectionDefinition,
  type CollectionRow,
  decodeSettings,
  encodeSettings,
  fieldsOf,
} from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import { StorageError } from '@storage/core';
import { splitPath } from '@storage/core/filter';
import { fieldPath, shadowPath } from './qdrant-filter.ts';
import type { QdrantSettings } from './qdrant-options.ts';
import { dateKey, sparseName } from './qdrant-points.ts';

/** A collection as the server tells of it. */
export interface QdrantCollection extends CollectionRow {
  /** Its name on the server. */
  readonly native: string;
  /** Types of payload indexes by path. */
  readonly indexes: ReadonlyMap<string, string>;
  /** Whether it was made by this library, which then keeps its indexes whole. */
  readonly own: boolean;
  /** Whether there were documents outside the root when it was asked. */
  readonly namespaced: boolean;
  /** Whether contents have sparse vectors. */
  readonly sparse: boolean;
  /** Whether searches begin with smaller copies of the vectors. */
  readonly quantized: boolean;
  /** The most that strict mode lets one request ask for. */
  readonly maxQueryLimit: number;
  /** The most points that strict mode takes at once. */
  readonly maxUpsert: number;
  /** Whether strict mode lets a search look at all vectors. */
  readonly allowsExact: boolean;
}

const settingsKey = '@storage';

const distances: { readonly [M in Metric]: Schemas['Distance'] } = {
  cosine: 'Cosine',
  dot_product: 'Dot',
  euclidean: 'Euclid',
};

function metricOf(distance: string): Metric | undefined {
  return (Object.keys(distances) as Metric[]).find((metric) => distances[metric] === distance);
}

function quantizationOf({ quantization }: QdrantSettings): Schemas['QuantizationConfig'] | undefined {
  if (quantization === undefined) return undefined;
  const { type, compression = 'x16', alwaysRam = true } = quantization;
  switch (type) {
    case 'scalar':
      return { scalar: { type: 'int8', quantile: 0.99, always_ram: alwaysRam } };
    case 'product':
      return { product: { compression, always_ram: alwaysRam } };
    case 'binary':
      return { binary: { always_ram: alwaysRam } };
  }
}

/** What the server is asked to make. */
export function creationOf(definition: CollectionDefinition, settings: QdrantSettings): Schemas['CreateCollection'] {
  const { hnsw, onDisk, onDiskPayload, shardNumber, replicationFactor, sparse } = settings;
  const { m, efConstruct, onDisk: graphOnDisk } = hnsw;
  const graph = {
    ...(m !== undefined && { m }),
    ...(efConstruct !== undefined && { ef_construct: efConstruct }),
    ...(graphOnDisk !== undefined && { on_disk: graphOnDisk }),
  };
  const quantization = quantizationOf(settings);
  return {
    vectors: {
      size: definition.dimension,
      distance: distances[definition.metric],
      ...(onDisk !== undefined && { on_disk: onDisk }),
    },
    ...(sparse !== false && { sparse_vectors: { [sparseName]: { modifier: 'idf' } } }),
    ...(Object.keys(graph).length > 0 && { hnsw_config: graph }),
    ...(quantization !== undefined && { quantization_config: quantization }),
    ...(onDiskPayload !== undefined && { on_disk_payload: onDiskPayload }),
    ...(shardNumber !== undefined && { shard_number: shardNumber }),
    // Every replica has a write before it is acknowledged, so that any of them can be read.
    ...(replicationFactor !== undefined && {
      replication_factor: replicationFactor,
      write_consistency_factor: replicationFactor,
    }),
    metadata: { [settingsKey]: encodeSettings(definition) },
  };
}

/** A name as the caller knows it, or `undefined` for what no name of ours can be. */
export function nameOf(native: string, prefix: string): string | undefined {
  if (!native.startsWith(prefix)) return undefined;
  const name = native.slice(prefix.length);
  return /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name) ? name : undefined;
}

function unreadable(name: string, why: string): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message: `Collection ${name} of the server ${why}; use another name, or make it with createCollection.`,
    details: { collection: name },
  });
}

function decodeIndexes(schema: { readonly [path: string]: unknown }): ReadonlyMap<string, string> {
  const indexes = new Map<string, string>();
  for (const [path, index] of Object.entries(schema)) {
    const type = String((index as { readonly data_type?: unknown } | null)?.data_type);
    const keys = [...path.matchAll(/"([^"]*)"|([^."[\]]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    // As our own filters write it, whoever made the index.
    const own = path.includes('[') ? undefined : writePath(keys);
    indexes.set(own ?? path, type);
  }
  return indexes;
}

function writePath(keys: readonly string[]): string {
  return keys.map((key) => (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? key : `"${key}"`)).join('.');
}

/** What the server told, as a collection. One of another kind, which something else made, is `invalid_state`. */
export function decodeCollection(name: string, native: string, info: Schemas['CollectionInfo']): QdrantCollection {
  const { params, hnsw_config, quantization_config, metadata, strict_mode_config: strict } = info.config;
  const vectors = params.vectors as {
    readonly size?: unknown;
    readonly distance?: unknown;
    readonly multivector_config?: unknown;
  };
  const { size, distance, multivector_config } = vectors ?? {};
  if (typeof size !== 'number' || typeof distance !== 'string' || (multivector_config ?? undefined) !== undefined)
    throw unreadable(
      name,
      'has vectors with names of their own or several for each point, which this library does not read',
    );
  const metric = metricOf(distance);
  if (metric === undefined) throw unreadable(name, `compares by ${distance}, which this library does not`);
  const text = (metadata as { readonly [name: string]: unknown } | null | undefined)?.[settingsKey];
  const own = typeof text === 'string';
  const limits = strict?.enabled === true ? (strict as Schemas['StrictModeConfigOutput']) : undefined;
  return {
    name,
    native,
    dimension: size,
    metric,
    ...(hnsw_config.m > 0 && { indexType: 'hnsw' }),
    ...decodeSettings(own ? text : ''),
    own,
    namespaced: (info.payload_schema[shadowPath('ns')]?.points ?? 0) > 0,
    indexes: decodeIndexes(info.payload_schema),
    sparse: Object.hasOwn(params.sparse_vectors ?? {}, sparseName),
    quantized: (quantization_config ?? undefined) !== undefined,
    maxQueryLimit: limits?.max_query_limit ?? Number.POSITIVE_INFINITY,
    maxUpsert: limits?.upsert_max_batchsize ?? Number.POSITIVE_INFINITY,
    allowsExact: limits?.search_allow_exact !== false,
  };
}

type IndexSchema = Schemas['PayloadSchemaType'] | Schemas['PayloadSchemaParams'];

/** Integers have an index of their own in Qdrant, which forgets fractions: numbers are always floats. */
const indexTypes: { readonly [type: string]: Schemas['PayloadSchemaType'] } = {
  string: 'keyword',
  number: 'float',
  boolean: 'bool',
};

/** The payload indexes that a collection should have, by path. */
export function wantedIndexes(collection: CollectionDefinition): ReadonlyMap<string, IndexSchema> {
  const wanted = new Map<string, IndexSchema>([[shadowPath('ns'), { type: 'keyword', is_tenant: true }]]);
  for (const [path, type] of Object.entries(collection.fields)) {
    const key = fieldPath(splitPath(path));
    const index = indexTypes[type];
    if (key !== undefined && index !== undefined) wanted.set(key, index);
  }
  const dates = fieldsOf(collection as CollectionRow, 'date');
  for (const index of dates.keys()) wanted.set(shadowPath(dateKey(index)), 'float');
  if (dates.length > 0) wanted.set(shadowPath('at'), 'float');
  return wanted;
}
