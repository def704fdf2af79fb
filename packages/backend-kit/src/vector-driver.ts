import type { CollectionInfo, Metric, VectorFields } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import type { Call } from './call.ts';
import type { CompiledFilter, MaybePromise, RowPage } from './record-driver.ts';

/** A document, checked and encoded. */
export interface VectorRow {
  readonly id: string;
  readonly vector: Float32Array;
  readonly content: string | undefined;
  /** JSON text; `'{}'` when there is none. */
  readonly metadata: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** As a driver answers it; `vector` only where it was asked for. */
export interface VectorRead extends Omit<VectorRow, 'vector' | 'createdAt'> {
  readonly vector: Float32Array | undefined;
  /** `undefined`: something else wrote the document. */
  readonly createdAt: number | undefined;
}

export interface VectorHit extends VectorRead {
  /** As `Metric` defines scores. */
  readonly score: number;
  readonly distance: number | undefined;
}

/** What of a document is asked for beside id, content and time. Metadata that is not may come all the same. */
export interface VectorParts {
  readonly includeVectors: boolean;
  readonly includeMetadata: boolean;
}

export interface VectorSearch<Native> extends VectorParts {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly filter: Native | undefined;
  /** What the native filter leaves to be looked at. Missing: nothing. The hits are looked at in any case; a driver that reads every candidate does so itself, and need not be asked for more. */
  readonly recheck?: ((row: VectorRead) => boolean) | undefined;
  readonly exact: boolean;
}

export interface VectorPageRequest<Native, Position = string> extends VectorParts {
  /** `undefined`: from the start. */
  readonly after: Position | undefined;
  readonly limit: number;
  readonly filter: Native | undefined;
}

export interface VectorPage<Position = string> {
  readonly rows: readonly VectorRead[];
  /** Where the next page begins. Missing: this was the last. A page may be shorter than its limit and still have one. */
  readonly next?: Position | undefined;
}

/** What is told of a collection when it is made. */
export interface CollectionDefinition {
  readonly dimension: number;
  readonly metric: Metric;
  /** JSON text. */
  readonly metadata: string;
  readonly embeddingModel: string | undefined;
  readonly fields: VectorFields;
}

/** A collection as a driver knows it. */
export interface CollectionRow extends CollectionDefinition, Pick<CollectionInfo, 'name' | 'indexType'> {}

/**
 * What a backend implements for vectors; the facade (`createVectorStore`) makes the contract of it. `Position` is where a page
 * ended, in the driver's own terms; it never leaves the process.
 */
export interface VectorDriver<Native, Position = string> {
  /** Answers what is there afterwards and whether this call made it. Races between processes have one winner. */
  createCollection(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): MaybePromise<{ readonly collection: CollectionRow; readonly created: boolean }>;
  deleteCollection(name: string, call: Call): MaybePromise<boolean>;
  /** Cached by the driver only as long as no other process can change it unseen: dimension and metric never change under a name that lives. */
  getCollection(name: string, call: Call): MaybePromise<CollectionRow | undefined>;
  /**
   * The row as this driver saw it last, without asking the engine. A call with one that is outdated does nothing and fails with
   * `not_found`; the facade then asks `getCollection`, which answers the same object where nothing has changed. Missing: the
   * engine is asked before each call.
   */
  knownCollection?(name: string): CollectionRow | undefined;
  /** By name in code point order, behind `after`. */
  listCollections(after: string | undefined, limit: number, call: Call): MaybePromise<RowPage<CollectionRow>>;
  /** No id stands twice in `rows`. Where it is not all or nothing, a failure tells what is kept, as `inParts` does. */
  upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): MaybePromise<void>;
  get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    parts: VectorParts,
    call: Call,
  ): MaybePromise<readonly (VectorRead | undefined)[]>;
  remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): MaybePromise<number>;
  /** Called only when the filter is exact. */
  removeWhere(collection: CollectionRow, ns: string, filter: Native | undefined, call: Call): MaybePromise<number>;
  compile(collection: CollectionRow, filter: FilterNode): CompiledFilter<Native>;
  /** Best first, ties by id; `limit` may exceed what the caller asked for when the filter is a superset. Never fewer than match, up to `limit`; more than `limit` may come. */
  search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<Native>,
    call: Call,
  ): MaybePromise<readonly VectorHit[]>;
  /** Documents that match, each once; one that does not change while one pages is met. */
  page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<Native, Position>,
    call: Call,
  ): MaybePromise<VectorPage<Position>>;
  /** Called only when the filter is exact. `ns` undefined: all namespaces. */
  count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: Native | undefined,
    call: Call,
  ): MaybePromise<number>;
  dropNamespace(
    collection: CollectionRow,
    ns: string,
    recursive: boolean,
    call: Call,
  ): MaybePromise<number | undefined>;
  /** Resolves when what this driver wrote into the namespace is seen by its reads. Missing: it always is. */
  waitVisible?(collection: CollectionRow, ns: string, call: Call): MaybePromise<void>;
}
