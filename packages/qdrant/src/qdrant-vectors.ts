import type {
  Call,
  CollectionDefinition,
  CollectionRow,
  CompiledFilter,
  HybridDriver,
  HybridRequest,
  RowPage,
  Translate,
  VectorHit,
  VectorPage,
  VectorPageRequest,
  VectorParts,
  VectorRead,
  VectorRow,
  VectorSearch,
} from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import { QdrantCollections } from './qdrant-collections.ts';
import type { QdrantApi, QdrantConnection, RequestInitPart } from './qdrant-connection.ts';
import { countPoints } from './qdrant-count.ts';
import { isGone } from './qdrant-errors.ts';
import {
  compileQdrantFilter,
  type QdrantCondition,
  type QdrantFilter,
  wholeNamespace,
  within,
} from './qdrant-filter.ts';
import { searchHybrid } from './qdrant-hybrid.ts';
import { type PointId, pointId } from './qdrant-ids.ts';
import type { QdrantSettings } from './qdrant-options.ts';
import { type PointRead, toRead } from './qdrant-points.ts';
import { payloadOf, QdrantSearch, vectorsOf } from './qdrant-search.ts';
import { SparseSource } from './qdrant-sparse.ts';
import { QdrantWrites } from './qdrant-writes.ts';

/** How many points are read or deleted by id in one request. */
const idsAtOnce = 1000;

type Driver = HybridDriver<QdrantCondition, PointId>;

/** Vectors over the client. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class QdrantVectors implements Driver {
  readonly collections: QdrantCollections;
  readonly sparse: SparseSource;
  readonly #connection: QdrantConnection;
  readonly #settings: QdrantSettings;
  readonly #search: QdrantSearch;
  readonly #translate: Translate;
  readonly #writes = new Map<string, QdrantWrites>();

  constructor(connection: QdrantConnection, settings: QdrantSettings, translate: Translate) {
    this.#connection = connection;
    this.#settings = settings;
    this.#translate = translate;
    this.collections = new QdrantCollections(connection, settings);
    this.sparse = new SparseSource(settings.sparse);
    this.#search = new QdrantSearch(connection, settings);
  }

  createCollection(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: QdrantCollection; readonly created: boolean }> {
    return this.collections.create(name, definition, call);
  }

  async deleteCollection(name: string, call: Call): Promise<boolean> {
    await this.#writes.get(name)?.settled(call);
    this.#writes.delete(name);
    return this.collections.delete(name, call);
  }

  getCollection(name: string, call: Call): Promise<QdrantCollection | undefined> {
    return this.collections.read(name, call);
  }

  knownCollection(name: string): QdrantCollection | undefined {
    return this.collections.known(name);
  }

  listCollections(after: string | undefined, limit: number, call: Call): Promise<RowPage<QdrantCollection>> {
    return this.collections.list(after, limit, call);
  }

  async upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    const of = collection as QdrantCollection;
    await this.#in(of, () => this.#writesOf(of).upsert(of, ns, rows, call));
  }

  async get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    parts: VectorParts,
    call: Call,
  ): Promise<readonly (VectorRead | undefined)[]> {
    const of = collection as QdrantCollection;
    const points = ids.map((id) => pointId(ns, id));
    const found = new Map<PointId, PointRead>();
    await this.#reading(of, call, async () => {
      for (const part of chunks([...new Set(points)]))
        for (const point of await this.#retrieve(of, part, parts, call)) found.set(point.id, point);
    });
    return points.map((point) => {
      const read = found.get(point);
      return read && toRead(read, parts);
    });
  }

  async remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): Promise<number> {
    const of = collection as QdrantCollection;
    return this.#writing(of, call, async () => {
      let removed = 0;
      for (const part of chunks(ids.map((id) => pointId(ns, id)))) {
        // A delete is not told what was there; that is looked up first.
        const there = await this.#retrieve(of, part, undefined, call);
        if (there.length > 0) await this.#delete(of, { points: there.map(({ id }) => id) }, call);
        removed += there.length;
      }
      return removed;
    });
  }

  removeWhere(collection: CollectionRow, ns: string, filter: QdrantCondition | undefined, call: Call): Promise<number> {
    return this.#removeAll(collection as QdrantCollection, within(ns, filter), call);
  }

  compile(collection: CollectionRow, filter: FilterNode): CompiledFilter<QdrantCondition> {
    return compileQdrantFilter(collection as QdrantCollection, filter);
  }

  search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<QdrantCondition>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const of = collection as QdrantCollection;
    return this.#reading(of, call, () => this.#search.search(of, ns, search, call));
  }

  searchHybrid(
    collection: CollectionRow,
    ns: string,
    request: HybridRequest<QdrantCondition>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const of = collection as QdrantCollection;
    const search = { collection: of, ns, request };
    return this.#reading(of, call, () => searchHybrid(this.#connection, this.#settings, this.sparse, search, call));
  }

  async page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<QdrantCondition, PointId>,
    call: Call,
  ): Promise<VectorPage<PointId>> {
    const of = collection as QdrantCollection;
    const { after, limit, filter, includeMetadata, includeVectors } = request;
    return this.#reading(of, call, async () => {
      const { points, next_page_offset: next } = await this.#connection.send(call, (api, init) =>
        api.scrollPoints(
          {
            collection_name: of.native,
            filter: within(ns, filter),
            limit: Math.min(limit, of.maxQueryLimit),
            ...(after !== undefined && { offset: after }),
            with_payload: payloadOf(includeMetadata),
            with_vector: vectorsOf(includeVectors, of),
          },
          init,
        ),
      );
      return {
        rows: (points as readonly PointRead[]).map((point) => toRead(point, request)),
        ...(next !== undefined && next !== null && { next: next as PointId }),
      };
    });
  }

  count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: QdrantCondition | undefined,
    call: Call,
  ): Promise<number> {
    const of = collection as QdrantCollection;
    return this.#reading(of, call, () =>
      countPoints(this.#connection, of, ns === undefined ? undefined : within(ns, filter), call),
    );
  }

  dropNamespace(collection: CollectionRow, ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.#removeAll(collection as QdrantCollection, wholeNamespace(ns, recursive) ?? {}, call);
  }

  #writesOf({ name }: QdrantCollection): QdrantWrites {
    let writes = this.#writes.get(name);
    if (writes === undefined) {
      writes = new QdrantWrites(this.#connection, this.sparse, this.#translate);
      this.#writes.set(name, writes);
    }
    return writes;
  }

  /** Work in a collection: where it is not there any more, that is what is told, and nothing is believed of it. */
  async #in<T>(collection: QdrantCollection, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isGone(error) && !isStorageError(error, 'not_found')) throw error;
      this.collections.forget(collection.name);
      throw new StorageError({
        code: 'not_found',
        message: `There is no collection ${collection.name}; make it with createCollection.`,
        applied: 'no',
        details: { collection: collection.name },
        cause: error,
      });
    }
  }

  #reading<T>(collection: QdrantCollection, call: Call, work: () => Promise<T>): Promise<T> {
    return this.#in(collection, async () => {
      await this.#writes.get(collection.name)?.settled(call);
      return work();
    });
  }

  #writing<T>(collection: QdrantCollection, call: Call, work: () => Promise<T>): Promise<T> {
    return this.#in(collection, () => this.#writesOf(collection).inOrder(call, work));
  }

  async #retrieve(
    collection: QdrantCollection,
    ids: readonly PointId[],
    parts: VectorParts | undefined,
    call: Call,
  ): Promise<readonly PointRead[]> {
    const points = await this.#connection.send(call, (api, init) =>
      api.getPoints(
        {
          collection_name: collection.native,
          ids: [...ids],
          with_payload: parts === undefined ? false : payloadOf(parts.includeMetadata),
          with_vector: vectorsOf(parts?.includeVectors === true, collection),
        },
        init,
      ),
    );
    return points as readonly PointRead[];
  }

  async #delete(
    collection: QdrantCollection,
    which: { readonly points: PointId[] } | { readonly filter: QdrantFilter },
    call: Call,
  ): Promise<void> {
    await this.#connection.send(call, (api: QdrantApi, init: RequestInitPart) =>
      api.deletePoints({ collection_name: collection.native, wait: true, ...which }, init),
    );
  }

  /** A delete by filter is not told how many there were; they are counted first. */
  #removeAll(collection: QdrantCollection, filter: QdrantFilter, call: Call): Promise<number> {
    return this.#writing(collection, call, async () => {
      const count = await countPoints(this.#connection, collection, filter, call);
      if (count > 0) await this.#delete(collection, { filter }, call);
      return count;
    });
  }
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += idsAtOnce) yield items.slice(start, start + idsAtOnce);
}
