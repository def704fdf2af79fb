import { isDeepStrictEqual } from 'node:util';
import type { Call, CollectionDefinition, RowPage } from '@storage/backend-kit';
import { isStorageError } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import {
  creationOf,
  decodeCollection,
  nameOf,
  type QdrantCollection,
  wantedIndexes,
} from './qdrant-collection-info.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import { isGone, saysAlreadyThere } from './qdrant-errors.ts';
import type { QdrantSettings } from './qdrant-options.ts';

/** How many collections are asked about at the same time. */
const asked = 16;
/** How long what was read of a collection is believed without asking again. */
const believedMs = 1000;

/** The server's collections: made, told, deleted. */
export class QdrantCollections {
  readonly #connection: QdrantConnection;
  readonly #settings: QdrantSettings;
  readonly #known = new Map<string, { readonly collection: QdrantCollection; readonly until: number }>();

  constructor(connection: QdrantConnection, settings: QdrantSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  native(name: string): string {
    return this.#settings.prefix + name;
  }

  /** What was read of the collection a moment ago. */
  known(name: string): QdrantCollection | undefined {
    const known = this.#known.get(name);
    return known === undefined || known.until < performance.now() ? undefined : known.collection;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  /** The collection as the server tells of it now. */
  async read(name: string, call: Call): Promise<QdrantCollection | undefined> {
    const native = this.native(name);
    const started = performance.now();
    try {
      const info = await this.#connection.send(call, (api, init) =>
        api.getCollection({ collection_name: native }, init),
      );
      const read = decodeCollection(name, native, info);
      const before = this.#known.get(name)?.collection;
      // The same object says that nothing has changed.
      const collection = before !== undefined && isDeepStrictEqual(before, read) ? before : read;
      this.#known.set(name, { collection, until: started + believedMs });
      return collection;
    } catch (error) {
      this.forget(name);
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async create(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: QdrantCollection; readonly created: boolean }> {
    const native = this.native(name);
    const body = creationOf(definition, this.#settings);
    for (;;) {
      const created = await this.#put(native, body, call);
      const collection = await this.read(name, call);
      // Deleted by somebody else between the two: it is made again.
      if (collection === undefined) continue;
      if (collection.own) await this.#makeIndexes(collection, call);
      return { collection: (await this.read(name, call)) ?? collection, created };
    }
  }

  async #put(native: string, body: ReturnType<typeof creationOf>, call: Call): Promise<boolean> {
    try {
      // A second time would be told that the first has made it.
      await this.#connection.send(
        call,
        (api, init) => api.createCollection({ collection_name: native, ...body }, init),
        { repeatable: false },
      );
      return true;
    } catch (error) {
      if (saysAlreadyThere(error)) return false;
      throw error;
    }
  }

  /** Makes the payload indexes that are missing: all of a new collection, or what somebody left behind halfway. */
  async #makeIndexes(collection: QdrantCollection, call: Call): Promise<void> {
    for (const [path, schema] of wantedIndexes(collection)) {
      if (collection.indexes.has(path)) continue;
      await this.#connection.send(call, (api, init) =>
        api.createFieldIndex(
          { collection_name: collection.native, wait: true, field_name: path, field_schema: schema },
          init,
        ),
      );
    }
  }

  async delete(name: string, call: Call): Promise<boolean> {
    this.forget(name);
    try {
      return await this.#connection.send(
        call,
        (api, init) => api.deleteCollection({ collection_name: this.native(name) }, init),
        // A second time would be told that there is none.
        { repeatable: false },
      );
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Collections that this library can read, by name. */
  async list(after: string | undefined, limit: number, call: Call): Promise<RowPage<QdrantCollection>> {
    const { collections } = await this.#connection.send(call, (api, init) => api.getCollections({}, init));
    const names = collections
      .flatMap(({ name }) => nameOf(name, this.#settings.prefix) ?? [])
      .filter((name) => after === undefined || compareCodePoints(name, after) > 0)
      .sort(compareCodePoints);
    const rows: QdrantCollection[] = [];
    for (let start = 0; start < names.length; start += asked) {
      const found = await Promise.all(names.slice(start, start + asked).map((name) => this.#readable(name, call)));
      for (const collection of found) {
        if (collection === undefined) continue;
        if (rows.length === limit) return { rows, more: true };
        rows.push(collection);
      }
    }
    return { rows, more: false };
  }

  /** `undefined` for what was deleted meanwhile, and for collections of another kind, which are none of ours. */
  async #readable(name: string, call: Call): Promise<QdrantCollection | undefined> {
    try {
      return await this.read(name, call);
    } catch (error) {
      if (isStorageError(error, 'invalid_state')) return undefined;
      throw error;
    }
  }
}
