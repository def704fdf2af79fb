import type { CollectionInfo, Metric } from '@storage/core';
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
}

/** As a driver answers it; `vector` only where it was asked for. */
export interface VectorRead extends Omit<VectorRow, 'vector'> {
  readonly vector: Float32Array | undefined;
}

export interface VectorHit extends VectorRead {
  /** As `Metric` defines scores. */
  readonly score: number;
  readonly distance: number | undefined;
}

export interface VectorSearch<Native> {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly filter: Native | undefined;
  readonly exact: boolean;
  readonly includeVectors: boolean;
}

/** A collection as a driver knows it. */
export type CollectionRow = Omit<CollectionInfo, 'count' | 'metadata'> & { readonly metadata: string };

/** What a backend implements for vectors; the facade (`createVectorStore`) makes the contract of it. */
export interface VectorDriver<Native> {
  /** Answers what is there afterwards and whether this call made it. Races between processes have one winner. */
  createCollection(
    name: string,
    options: { readonly dimension: number; readonly metric: Metric; readonly metadata: string },
    call: Call,
  ): MaybePromise<{ readonly collection: CollectionRow; readonly created: boolean }>;
  deleteCollection(name: string, call: Call): MaybePromise<boolean>;
  /** Cached by the driver only as long as no other process can change it unseen: dimension and metric never change under a name that lives. */
  getCollection(name: string, call: Call): MaybePromise<CollectionRow | undefined>;
  /** By name in code point order, behind `after`. */
  listCollections(after: string | undefined, limit: number, call: Call): MaybePromise<RowPage<CollectionRow>>;
  upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): MaybePromise<void>;
  get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    includeVectors: boolean,
    call: Call,
  ): MaybePromise<readonly (VectorRead | undefined)[]>;
  remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): MaybePromise<number>;
  /** Called only when the filter is exact. */
  removeWhere(collection: CollectionRow, ns: string, filter: Native | undefined, call: Call): MaybePromise<number>;
  compile(collection: CollectionRow, filter: FilterNode): CompiledFilter<Native>;
  /** Best first, ties by id; `limit` may exceed what the caller asked for when the filter is a superset. */
  search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<Native>,
    call: Call,
  ): MaybePromise<readonly VectorHit[]>;
  /** Documents in a stable order, behind the id `after`. */
  page(
    collection: CollectionRow,
    ns: string,
    request: {
      readonly after: string | undefined;
      readonly limit: number;
      readonly filter: Native | undefined;
      readonly includeVectors: boolean;
    },
    call: Call,
  ): MaybePromise<RowPage<VectorRead>>;
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
}
