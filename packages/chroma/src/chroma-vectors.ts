import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  type CompiledFilter,
  collectionMissing,
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
import type { FilterNode } from '@storage/core/filter';
import type { Where } from 'chromadb';
import { ChromaCatalog, type ChromaCollection } from './chroma-catalog.ts';
import type { ChromaConnection } from './chroma-client.ts';
import { isMissing, notOurs } from './chroma-errors.ts';
import { compileChromaFilter } from './chroma-filter.ts';
import type { ChromaSettings } from './chroma-options.ts';
import { type ChromaPosition, ChromaReads } from './chroma-reads.ts';
import { recordKey } from './chroma-shadow.ts';
import { ChromaWrites } from './chroma-writes.ts';

/** True of every record: one that has no such key differs too. */
const everything: Where = { [recordKey]: { $ne: '' } };

/** How many ids a request names. */
const idsPerRequest = 5000;

/** A namespace is a native collection. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class ChromaVectors implements VectorDriver<Where, ChromaPosition> {
  readonly #connect: () => Promise<ChromaConnection>;
  readonly #catalog: ChromaCatalog;
  readonly #writes: ChromaWrites;

  constructor(connect: () => Promise<ChromaConnection>, settings: ChromaSettings) {
    this.#connect = connect;
    this.#catalog = new ChromaCatalog(connect, settings);
    this.#writes = new ChromaWrites(connect);
  }

  createCollection(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: CollectionRow; readonly created: boolean }> {
    return this.#catalog.create(name, definition, call);
  }

  deleteCollection(name: string, call: Call): Promise<boolean> {
    return this.#catalog.remove(name, call);
  }

  getCollection(name: string, call: Call): Promise<CollectionRow | undefined> {
    return this.#catalog.find(name, call);
  }

  knownCollection(name: string): CollectionRow | undefined {
    return this.#catalog.known(name);
  }

  listCollections(after: string | undefined, limit: number, call: Call): Promise<RowPage<CollectionRow>> {
    return this.#catalog.list(after, limit, call);
  }

  async upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    await this.#inSpace(collection, ns, true, call, async (id, { foreign, fields }) => {
      if (foreign) throw notOurs(collection.name);
      await this.#writes.upsert({ id, fields }, rows, call);
    });
  }

  async get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    parts: VectorParts,
    call: Call,
  ): Promise<readonly (VectorRead | undefined)[]> {
    const found = new Map<string, VectorRead>();
    await this.#reading(collection, ns, call, async (reads) => {
      for (const part of batches([...new Set(ids)]))
        for (const [id, row] of await reads.byId(part, parts)) found.set(id, row);
    });
    return ids.map((id) => found.get(id));
  }

  async remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): Promise<number> {
    const removed = await this.#inSpace(collection, ns, false, call, async (id) => {
      const space = (await this.#connect()).client.collection(id);
      let count = 0;
      for (const part of batches(ids)) {
        call.check();
        // The server counts those it was asked for, not those that were there.
        const { ids: there } = await space.get({ ids: [...part], include: [] });
        if (there.length > 0) await space.delete({ ids: there });
        count += there.length;
      }
      return count;
    });
    return removed ?? 0;
  }

  async removeWhere(collection: CollectionRow, ns: string, filter: Where | undefined, call: Call): Promise<number> {
    const removed = await this.#inSpace(collection, ns, false, call, async (id) => {
      const { client } = await this.#connect();
      return (await client.collection(id).delete({ where: filter ?? everything })).deleted;
    });
    return removed ?? 0;
  }

  compile(collection: CollectionRow, filter: FilterNode): CompiledFilter<Where> {
    // What something else wrote has no shadow: all of it is read and filtered here.
    if ((collection as ChromaCollection).foreign) return { native: undefined, precision: 'superset' };
    return compileChromaFilter(collection, filter);
  }

  async search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<Where>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    return (await this.#reading(collection, ns, call, (reads) => reads.search(collection.metric, search))) ?? [];
  }

  async page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<Where, ChromaPosition>,
    call: Call,
  ): Promise<VectorPage<ChromaPosition>> {
    const { filter, after, limit } = request;
    return (
      (await this.#reading(collection, ns, call, (reads) => reads.page(filter, after, limit, request))) ?? { rows: [] }
    );
  }

  async count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: Where | undefined,
    call: Call,
  ): Promise<number> {
    if (ns === undefined) return (await this.#countAll(collection, call)) ?? 0;
    const count = await this.#inSpace(collection, ns, false, call, async (id) => {
      const space = (await this.#connect()).client.collection(id);
      return filter === undefined ? space.count() : (await new ChromaReads(space, call).ids(filter)).length;
    });
    return count ?? 0;
  }

  #countAll(collection: CollectionRow, call: Call): Promise<number | undefined> {
    return this.#inSpace(collection, '', false, call, async (native, row) => {
      const { client } = await this.#connect();
      let count = await client.collection(native).count();
      for (const { id } of await this.#catalog.namespaces(row, call)) {
        call.check();
        count += (await unlessMissing(client.collection(id).count())) ?? 0;
      }
      return count;
    });
  }

  async dropNamespace(collection: CollectionRow, ns: string, recursive: boolean, call: Call): Promise<number> {
    const dropped = await this.#inSpace(collection, '', false, call, async (native, row) => {
      const { client } = await this.#connect();
      let count = 0;
      for (const space of await this.#catalog.namespaces(row, call)) {
        if (space.ns !== ns && !(recursive && (ns === '' || space.ns.startsWith(`${ns}/`)))) continue;
        call.check();
        count += (await unlessMissing(client.collection(space.id).count())) ?? 0;
        await this.#catalog.dropNamespace(row, space);
      }
      if (ns === '') count += (await client.collection(native).delete({ where: everything })).deleted ?? 0;
      return count;
    });
    return dropped ?? 0;
  }

  /** Reads of a namespace; `undefined` when nothing was ever stored in it. */
  #reading<T>(
    collection: CollectionRow,
    ns: string,
    call: Call,
    read: (reads: ChromaReads) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#inSpace(collection, ns, false, call, async (id) =>
      read(new ChromaReads((await this.#connect()).client.collection(id), call)),
    );
  }

  /** Works on a namespace's native collection. Where that turns out to be gone while the collection is there, once more. */
  async #inSpace<T>(
    collection: CollectionRow,
    ns: string,
    make: boolean,
    call: Call,
    work: (id: string, row: ChromaCollection) => Promise<T>,
  ): Promise<T | undefined> {
    // Every row that the facade has is one that the catalog made.
    const row = collection as ChromaCollection;
    for (let again = ns === ''; ; again = true) {
      const id = await this.#catalog.space(row, ns, make, call);
      if (id === undefined) return undefined;
      try {
        return await work(id, row);
      } catch (error) {
        if (!isMissing(error)) throw error;
        if (again) throw collectionMissing(row.name);
        this.#catalog.forgetSpace(row, ns);
      }
    }
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function* batches(ids: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < ids.length; from += idsPerRequest) yield ids.slice(from, from + idsPerRequest);
}
