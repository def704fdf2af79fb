import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  type CompiledFilter,
  fieldsOf,
  partsOf,
  type RowPage,
  type VectorDriver,
  type VectorHit,
  type VectorPage,
  type VectorPageRequest,
  type VectorParts,
  type VectorRead,
  type VectorRow,
  type VectorSearch,
} from '@storage/backend-kit';
import { invalidArgument, isStorageError, StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import { compilePineconeFilter, type PineconeFilter } from './pinecone-filter.ts';
import { type PineconeIndex, requestLimits } from './pinecone-index.ts';
import { type Collection, isWithin, type KnownCollections, placeOf } from './pinecone-layout.ts';
import { recordIdOf } from './pinecone-names.ts';
import { fetchAll, nextPage, type PagePosition, searchClosest, searchExactly } from './pinecone-reads.ts';
import { decodeRecord, encodeRecord } from './pinecone-records.ts';
import { fieldOf } from './pinecone-shadows.ts';
import { Upserts } from './pinecone-upserts.ts';

/** The fields of a collection that were declared to hold dates. */
function datesOf(collection: CollectionRow): ReadonlySet<string> {
  return new Set(fieldsOf(collection, 'date').map(fieldOf));
}

/** The vendor refuses a vector of zeros under every metric. */
function checkNotZero(vector: Float32Array, path: string): void {
  if (vector.some((value) => value !== 0)) return;
  throw invalidArgument(`${path} is all 0; Pinecone takes no such vector, under no metric.`, { path });
}

/** Vectors in Pinecone. */
export class PineconeVectors implements VectorDriver<PineconeFilter, PagePosition> {
  readonly #collections: KnownCollections;
  readonly #scanLimit: number;
  readonly #upserts: Upserts = new Upserts();

  constructor(collections: KnownCollections, scanLimit: number) {
    this.#collections = collections;
    this.#scanLimit = scanLimit;
  }

  createCollection(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: CollectionRow; readonly created: boolean }> {
    return this.#collections.create(name, definition, call);
  }

  deleteCollection(name: string, call: Call): Promise<boolean> {
    return this.#collections.delete(name, call);
  }

  getCollection(name: string, call: Call): Promise<CollectionRow | undefined> {
    return this.#collections.find(name, call);
  }

  listCollections(after: string | undefined, limit: number, call: Call): Promise<RowPage<CollectionRow>> {
    return this.#collections.list(after, limit, call);
  }

  async upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    for (const [at, { vector }] of rows.entries()) checkNotZero(vector, `documents[${at}].vector`);
    const dates = datesOf(collection);
    const items = rows.map((row) => ({ id: row.id, record: encodeRecord(row, dates) }));
    await this.#on(collection, ns, call, (index, place) => this.#upserts.send(index, place, items, call));
  }

  get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    { includeVectors }: VectorParts,
    call: Call,
  ): Promise<readonly (VectorRead | undefined)[]> {
    return this.#on(collection, ns, call, async (index, place) => {
      const found = await fetchAll(index, place, ids.map(recordIdOf), call);
      return ids.map((id) => {
        const record = found.get(recordIdOf(id));
        return record && decodeRecord(record, includeVectors);
      });
    });
  }

  remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): Promise<number> {
    return this.#on(collection, ns, call, async (index, place) => {
      const records = ids.map(recordIdOf);
      const found = await fetchAll(index, place, records, call);
      for (const part of partsOf(records, { count: requestLimits.deleteIds })) await index.deleteIds(place, part, call);
      return found.size;
    });
  }

  async removeWhere(
    collection: CollectionRow,
    ns: string,
    filter: PineconeFilter | undefined,
    call: Call,
  ): Promise<number> {
    const ids: string[] = [];
    for await (const row of this.#rows(collection, ns, filter, call)) ids.push(row.id);
    let deleted = 0;
    for (const part of partsOf(ids, { count: requestLimits.deleteIds }))
      deleted += await this.remove(collection, ns, part, call);
    return deleted;
  }

  compile(collection: CollectionRow, filter: FilterNode): CompiledFilter<PineconeFilter> {
    return compilePineconeFilter(filter, datesOf(collection));
  }

  async search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<PineconeFilter>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    checkNotZero(search.vector, 'vector');
    return this.#on(collection, ns, call, (index, place) =>
      search.exact
        ? searchExactly(index, place, search, this.#scanLimit, call)
        : searchClosest(index, place, search, call),
    );
  }

  page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<PineconeFilter, PagePosition>,
    call: Call,
  ): Promise<VectorPage<PagePosition>> {
    return this.#on(collection, ns, call, (index, place) => nextPage(index, place, request, call));
  }

  async *#rows(
    collection: CollectionRow,
    ns: string,
    filter: PineconeFilter | undefined,
    call: Call,
  ): AsyncGenerator<VectorRead, void, undefined> {
    let after: PagePosition | undefined;
    do {
      call.check();
      const request = { after, limit: 1000, filter, includeVectors: false, includeMetadata: false };
      const { rows, next } = await this.page(collection, ns, request, call);
      yield* rows;
      after = next;
    } while (after !== undefined);
  }

  async count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: PineconeFilter | undefined,
    call: Call,
  ): Promise<number> {
    if (filter !== undefined && (collection as Collection).indexType !== 'pod') {
      let count = 0;
      for await (const _row of this.#rows(collection, ns ?? '', filter, call)) count++;
      return count;
    }
    return this.#on(collection, ns ?? '', call, async (index, place) => {
      const counts = await index.stats(filter, call);
      if (ns !== undefined) return counts.get(place) ?? 0;
      return [...counts].reduce((sum, [name, count]) => (isWithin(name, place) ? sum + count : sum), 0);
    });
  }

  dropNamespace(collection: CollectionRow, ns: string, recursive: boolean, call: Call): Promise<undefined> {
    return this.#on(collection, ns, call, async (index, place) => {
      await index.deleteAll(place, call);
      if (!recursive) return undefined;
      // What was just written is not in the statistics yet.
      const names = new Set([...(await index.stats(undefined, call)).keys(), ...index.freshness.names()]);
      for (const name of names) if (name !== place && isWithin(name, place)) await index.deleteAll(name, call);
      return undefined;
    });
  }

  waitVisible(collection: CollectionRow, ns: string, call: Call): Promise<void> {
    return this.#on(collection, ns, call, async (index, place) => {
      for (const name of index.freshness.names()) if (isWithin(name, place)) await index.waitVisible(name, call);
    });
  }

  /** Runs work on a collection as it is known. What it trips over may be that the collection is another by now, or gone. */
  async #on<T>(
    collection: CollectionRow,
    ns: string,
    call: Call,
    work: (index: PineconeIndex, place: string) => Promise<T>,
  ): Promise<T> {
    const known = collection as Collection;
    try {
      return await work(known.index, placeOf(known, ns));
    } catch (error) {
      if (!isStorageError(error)) throw error;
      if (error.code === 'not_found') {
        this.#collections.forget(known.name);
        if ((await this.#collections.find(known.name, call)) === undefined) throw gone(known.name);
      }
      if (error.code === 'invalid_argument' || error.code === 'unavailable') this.#collections.forget(known.name);
      throw error;
    }
  }
}

function gone(name: string): StorageError {
  return new StorageError({
    code: 'not_found',
    message: `Collection ${name} was deleted meanwhile; create it again.`,
    applied: 'no',
    details: { collection: name },
  });
}
