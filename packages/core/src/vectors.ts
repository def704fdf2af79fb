import type { CallOptions, Page, PageOptions } from './call.ts';
import type { Filter } from './filter/types.ts';
import type { JsonObject, Metadata, MetadataInput } from './json.ts';

/**
 * How closeness is measured. Scores, higher is closer: `cosine` = cos, −1 to 1; `dot_product` = a·b; `euclidean` = −‖a−b‖.
 * Within 1e-4 for cosine, 1e-4·max(1, ‖a‖‖b‖) for dot_product, 1e-4·max(1, ‖a‖+‖b‖) for euclidean. The seed's
 * `inner_product` is `dot_product`.
 */
export type Metric = 'cosine' | 'dot_product' | 'euclidean';

export interface CollectionOptions extends CallOptions {
  /** The length of every vector, 1 to `capabilities.vectors.maxDimension`. */
  readonly dimension: number;
  /** Missing: `cosine`. */
  readonly metric?: Metric | undefined;
  /** Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
  /** `true`: a collection of the same dimension and metric that is there already is answered; of others, `invalid_state`. Missing: `already_exists`. */
  readonly ifAbsent?: boolean | undefined;
}

export interface CollectionInfo {
  readonly name: string;
  readonly dimension: number;
  readonly metric: Metric;
  /** How many documents are in the root namespace and all below. */
  readonly count: number;
  /** The engine's word for its index. Missing: none, every search is exact. */
  readonly indexType?: string;
  readonly metadata: Metadata;
}

/** A vector with what belongs to it. */
export interface VectorDocument<M = JsonObject> {
  /** Legal as a record's key. */
  readonly id: string;
  /** Kept as 32-bit floats. Empty when vectors were not asked for. */
  readonly vector: readonly number[];
  /** Missing: none was given. */
  readonly content?: string;
  readonly metadata: M;
}

/** A document as it is handed in. */
export interface VectorInput {
  /** Missing: a UUIDv7 is made. */
  readonly id?: string | undefined;
  /** Finite numbers, as many as the dimension, within the range of 32-bit floats; the norm is 0 or within 1e-18 to 1e18, under cosine not 0. */
  readonly vector: ArrayLike<number>;
  readonly content?: string | undefined;
  /** Any JSON object. Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
}

export interface VectorMatch<M = JsonObject> {
  readonly document: VectorDocument<M>;
  /** As `Metric` defines it: higher is closer. */
  readonly score: number;
  /** The engine's own distance, where it has one. */
  readonly distance?: number;
}

export interface VectorReadOptions extends CallOptions {
  /** Whether vectors come back. Missing: `get` and `iterate` with, `search` without. */
  readonly includeVectors?: boolean | undefined;
}

export interface SearchQuery<M = JsonObject> {
  readonly vector: ArrayLike<number>;
  /** 1 to `capabilities.vectors.maxLimit`. Missing: 10. Fewer come back only when fewer match. */
  readonly limit?: number | undefined;
  /** Paths start in the metadata: `tags`, `source.page`. */
  readonly filter?: Filter<M> | undefined;
  /** Only matches of at least this score. */
  readonly minScore?: number | undefined;
  /** `true`: no approximation; `unsupported` where `capabilities.vectors.exact` is `never`. */
  readonly exact?: boolean | undefined;
}

export interface VectorIterateOptions<M = JsonObject> extends VectorReadOptions {
  readonly filter?: Filter<M> | undefined;
}

/** Named collections of vectors. Names: 1 to 63 of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit. */
export interface VectorStore {
  /** Makes a collection. Safe to call at the same time from several processes. */
  createCollection(name: string, options: CollectionOptions): Promise<CollectionInfo>;
  /** Removes a collection with all its namespaces. Answers whether it was there. */
  deleteCollection(name: string, options?: CallOptions): Promise<boolean>;
  /** `undefined`: there is none. */
  getCollection(name: string, options?: CallOptions): Promise<CollectionInfo | undefined>;
  /** By name, in code point order. */
  listCollections(options?: PageOptions): Promise<Page<CollectionInfo>>;
  /** A handle; costs nothing and checks nothing. Calls on a collection that is not there fail with `not_found`. `M` is the caller's word. */
  collection<M extends object = JsonObject>(name: string): VectorCollection<M>;
}

/** One collection, or one namespace of it. */
export interface VectorCollection<M extends object = JsonObject> {
  readonly name: string;
  /** Stores documents whole, replacing those of the same id. Answers the ids in order. At most 10,000; all are checked before any is sent. */
  upsert(documents: Iterable<VectorInput>, options?: CallOptions): Promise<readonly string[]>;
  /** In the order of the ids, `undefined` where there is none. */
  get(ids: Iterable<string>, options?: VectorReadOptions): Promise<readonly (VectorDocument<M> | undefined)[]>;
  /** Answers how many were there. */
  delete(ids: Iterable<string>, options?: CallOptions): Promise<number>;
  /** Deletes every document that the filter matches, never another; answers how many. */
  deleteWhere(filter: Filter<M>, options?: CallOptions): Promise<number>;
  /** The closest documents that match, best first, equal scores by id (scores closer than the tolerance may be told apart differently by another backend). Filters are exact on every index, and an answer is never short. */
  search(query: SearchQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]>;
  /** Every document that matches, in no promised order; one that does not change meanwhile is met exactly once. */
  iterate(options?: VectorIterateOptions<M>): AsyncIterable<VectorDocument<M>>;
  count(filter?: Filter<M>, options?: CallOptions): Promise<number>;
  /** The same collection confined to a namespace; same rules as for records. */
  namespace(name: string): VectorCollection<M>;
  /** Deletes every document of this namespace, and with `recursive` those below. Safe to repeat. */
  dropNamespace(
    options?: CallOptions & { readonly recursive?: boolean | undefined },
  ): Promise<{ readonly deleted?: number }>;
}

/** Turns texts into vectors, one each, in order. */
export type Embedder = (texts: readonly string[], options?: CallOptions) => Promise<readonly ArrayLike<number>[]>;

/** Searches by text through an embedder: written once, for every collection. */
export async function searchByText<M extends object = JsonObject>(
  collection: VectorCollection<M>,
  text: string,
  embed: Embedder,
  query: Omit<SearchQuery<M>, 'vector'> = {},
  options?: VectorReadOptions,
): Promise<readonly VectorMatch<M>[]> {
  const [vector] = await embed([text], options);
  return collection.search({ ...query, vector: vector ?? [] }, options);
}
