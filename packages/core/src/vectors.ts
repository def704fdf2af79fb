import type { CallOptions, Page, PageOptions } from './call.ts';
import type { Filter } from './filter/types.ts';
import type { JsonObject, Metadata, MetadataInput } from './json.ts';

/**
 * How closeness is measured. Scores, higher is closer: `cosine` = cos, −1 to 1; `dot_product` = a·b; `euclidean` = −‖a−b‖.
 * Within 1e-4 for cosine, 1e-4·max(1, ‖a‖‖b‖) for dot_product, 1e-4·max(1, ‖a‖+‖b‖) for euclidean. The seed's
 * `inner_product` is `dot_product`.
 */
export type Metric = 'cosine' | 'dot_product' | 'euclidean';

/** What stands at a declared path. `date`: strings there are instants as `Date.toISOString()` writes them, others are refused; so dates are compared as times. */
export type VectorFieldType = 'string' | 'number' | 'boolean' | 'date';

/** Paths of the metadata, as they stand in filters, and what is there. */
export interface VectorFields {
  readonly [path: string]: VectorFieldType;
}

export interface CollectionOptions extends CallOptions {
  /** The length of every vector, 1 to `capabilities.vectors.maxDimension`. */
  readonly dimension: number;
  /** Missing: `cosine`. `inner_product` is `dot_product`. */
  readonly metric?: Metric | 'inner_product' | undefined;
  /** The name of the model that makes the vectors; texts embedded by another are refused. Missing: not known. */
  readonly embeddingModel?: string | undefined;
  /** What filters ask for: engines that index metadata by field index these. No answer depends on it. At most 64. Missing: none. */
  readonly fields?: VectorFields | undefined;
  /** Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
  /** `true`: a collection of the same dimension, metric and model that is there already is answered; of others, `invalid_state`. Missing: `already_exists`. */
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
  /** Missing: none was told. */
  readonly embeddingModel?: string;
  readonly fields: VectorFields;
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
  /** `{}` when it was not asked for. */
  readonly metadata: M;
  /** As it was given, else when this version of the document was stored, by the clock of its writer. Missing: something else wrote it. */
  readonly createdAt?: Date;
}

/** A document as it is handed in. */
export interface VectorInput {
  /** Missing or empty: a UUIDv7 is made. */
  readonly id?: string | undefined;
  /** Finite numbers, as many as the dimension, within the range of 32-bit floats; the norm is 0 or within 1e-18 to 1e18, under cosine not 0. */
  readonly vector: ArrayLike<number>;
  readonly content?: string | undefined;
  /** Any JSON object. Missing: `{}`. */
  readonly metadata?: MetadataInput | undefined;
  /** Missing: now. */
  readonly createdAt?: Date | undefined;
}

/** A document whose vector an embedder makes of its content. */
export interface TextInput extends Omit<VectorInput, 'vector' | 'content'> {
  readonly content: string;
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
  /** Whether metadata comes back. Missing: `true`. Content always does. */
  readonly includeMetadata?: boolean | undefined;
}

export interface VectorWriteOptions extends CallOptions {
  /** `visible`: resolves when reads through this backend see the write, which where `capabilities.consistency` is `strong` they do anyway. Missing: when it is accepted. */
  readonly waitFor?: 'visible' | undefined;
}

/** What an upsert stored. */
export interface UpsertResult {
  /** How many documents were stored: of an id that stands twice, one. */
  readonly count: number;
  /** The ids of what was handed in, in order; those that were made among them. */
  readonly ids: readonly string[];
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

/** A search whose vector an embedder makes. */
export interface TextQuery<M = JsonObject> extends Omit<SearchQuery<M>, 'vector'> {
  readonly embed: Embedder;
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
  /**
   * Stores documents whole, replacing those of the same id. At most 10,000; all are checked before any is sent. Where
   * `capabilities.vectors.atomicUpsert` is false, a failure says in `details.kept` which ids are there.
   */
  upsert(documents: Iterable<VectorInput>, options?: VectorWriteOptions): Promise<UpsertResult>;
  /** The same with vectors that `embed` makes of the contents. An embedder of another model or dimension than the collection's is `invalid_argument`. */
  upsertTexts(
    documents: Iterable<TextInput>,
    options: VectorWriteOptions & { readonly embed: Embedder },
  ): Promise<UpsertResult>;
  /** In the order of the ids, `undefined` where there is none. */
  get(ids: Iterable<string>, options?: VectorReadOptions): Promise<readonly (VectorDocument<M> | undefined)[]>;
  /** Answers how many were there. */
  delete(ids: Iterable<string>, options?: VectorWriteOptions): Promise<number>;
  /** Deletes every document that the filter matches, never another; answers how many. */
  deleteWhere(filter: Filter<M>, options?: VectorWriteOptions): Promise<number>;
  /** The closest documents that match, best first, equal scores by id (scores closer than the tolerance may be told apart differently by another backend). Filters are exact on every index, and an answer is never short. */
  search(query: SearchQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]>;
  /** The same for the vector that `embed` makes of a text. An embedder of another model or dimension than the collection's is `invalid_argument`. */
  searchByText(text: string, query: TextQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]>;
  /** Every document that matches, in no promised order; one that does not change meanwhile is met exactly once. */
  iterate(options?: VectorIterateOptions<M>): AsyncIterable<VectorDocument<M>>;
  count(filter?: Filter<M>, options?: CallOptions): Promise<number>;
  /** The same collection confined to a namespace; same rules as for records. */
  namespace(name: string): VectorCollection<M>;
  /** Deletes every document of this namespace, and with `recursive` those below. Safe to repeat. */
  dropNamespace(
    options?: VectorWriteOptions & { readonly recursive?: boolean | undefined },
  ): Promise<{ readonly deleted?: number }>;
}

/** Turns texts into vectors, one each, in order. `@storage/core/embed` makes one of the AI SDK's functions, in batches and with a cache. */
export interface Embedder {
  (texts: readonly string[], options?: CallOptions): Promise<readonly ArrayLike<number>[]>;
  /** The model's name, compared with the collection's. Missing: not compared. */
  readonly model?: string | undefined;
  /** The length of its vectors. Missing: known when it answers. */
  readonly dimension?: number | undefined;
}
