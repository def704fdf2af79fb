import {
  type CallOptions,
  type CollectionInfo,
  type CollectionOptions,
  type JsonObject,
  type Page,
  type PageOptions,
  StorageError,
  type VectorCapabilities,
  type VectorCollection,
  type VectorStore,
} from '@storage/core';
import type { Call } from './call.ts';
import { type BackendContext, CallGuard } from './context.ts';
import { encodeCursor } from './cursor.ts';
import { checkFlag, encodeMetadata } from './record-encode.ts';
import { checkLimit, positionOf } from './record-plan.ts';
import { parseMetadata } from './record-rows.ts';
import { VectorCollectionFacade } from './vector-collection.ts';
import type { CollectionRow, VectorDriver } from './vector-driver.ts';
import { checkCollectionName, checkDimension, checkMetric } from './vector-encode.ts';

const listText = JSON.stringify(['collections']);

function vectorCapabilities(context: BackendContext): VectorCapabilities {
  const { vectors } = context.capabilities;
  if (vectors === false)
    throw new StorageError({
      code: 'internal',
      message: `The capabilities of ${context.name} say that it keeps no vectors.`,
    });
  return vectors;
}

class VectorStoreFacade<Native> implements VectorStore {
  readonly #driver: VectorDriver<Native>;
  readonly #guard: CallGuard;
  readonly #capabilities: VectorCapabilities;

  constructor(driver: VectorDriver<Native>, context: BackendContext) {
    this.#driver = driver;
    this.#guard = new CallGuard(context);
    this.#capabilities = vectorCapabilities(context);
  }

  async #info(row: CollectionRow, call: Call): Promise<CollectionInfo> {
    const { name, dimension, metric, indexType } = row;
    const count = await this.#driver.count(row, undefined, undefined, call);
    return {
      name,
      dimension,
      metric,
      count,
      ...(indexType !== undefined && { indexType }),
      metadata: parseMetadata(row.metadata, name),
    };
  }

  createCollection(name: string, options: CollectionOptions): Promise<CollectionInfo> {
    return this.#guard.run('vectors.createCollection', undefined, true, options, () => {
      checkCollectionName(name);
      const dimension = checkDimension(options?.dimension, this.#capabilities.maxDimension);
      const metric = checkMetric(options.metric, this.#capabilities);
      const metadata =
        options.metadata === undefined ? '{}' : encodeMetadata(options.metadata, Number.POSITIVE_INFINITY);
      const ifAbsent = checkFlag(options.ifAbsent, 'ifAbsent', false);
      return async (call) => {
        const { collection, created } = await this.#driver.createCollection(
          name,
          { dimension, metric, metadata },
          call,
        );
        if (!created) {
          const details = { collection: name, dimension: collection.dimension, metric: collection.metric };
          if (!ifAbsent)
            throw new StorageError({
              code: 'already_exists',
              message: `Collection ${name} is there already; pass ifAbsent: true to use it.`,
              details,
            });
          if (collection.dimension !== dimension || collection.metric !== metric) {
            throw new StorageError({
              code: 'invalid_state',
              message: `Collection ${name} is there with dimension ${collection.dimension} and metric ${collection.metric}; use those, another name, or delete it first.`,
              details,
            });
          }
        }
        return this.#info(collection, call);
      };
    });
  }

  deleteCollection(name: string, options?: CallOptions): Promise<boolean> {
    return this.#guard.run('vectors.deleteCollection', undefined, true, options, () => {
      checkCollectionName(name);
      return (call) => this.#driver.deleteCollection(name, call);
    });
  }

  getCollection(name: string, options?: CallOptions): Promise<CollectionInfo | undefined> {
    return this.#guard.run('vectors.getCollection', undefined, false, options, () => {
      checkCollectionName(name);
      return async (call) => {
        const row = await this.#driver.getCollection(name, call);
        return row === undefined ? undefined : this.#info(row, call);
      };
    });
  }

  listCollections(options?: PageOptions): Promise<Page<CollectionInfo>> {
    return this.#guard.run('vectors.listCollections', undefined, false, options, () => {
      const limit = checkLimit(options?.limit);
      const after = positionOf(options?.cursor, listText)?.key;
      return async (call) => {
        const { rows, more } = await this.#driver.listCollections(after, limit, call);
        const items = await Promise.all(rows.map((row) => this.#info(row, call)));
        const last = rows.at(-1);
        return more && last !== undefined
          ? { items, cursor: encodeCursor(listText, { key: last.name, sort: [] }) }
          : { items };
      };
    });
  }

  collection<M extends object = JsonObject>(name: string): VectorCollection<M> {
    return new VectorCollectionFacade<Native, M>(this.#driver, this.#guard, this.#capabilities, name, '');
  }
}

/** The vector contract over a driver. */
export function createVectorStore<Native>(driver: VectorDriver<Native>, context: BackendContext): VectorStore {
  return new VectorStoreFacade(driver, context);
}
