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
import { checkModel, checkVectorFields } from './vector-settings.ts';

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

/** Refuses a collection that was there, unless it is the one that was asked for. */
function checkSame(
  { name, dimension, metric, embeddingModel }: CollectionRow,
  asked: Pick<CollectionRow, 'dimension' | 'metric' | 'embeddingModel'> & { readonly ifAbsent: boolean },
): void {
  const details = { collection: name, dimension, metric, embeddingModel };
  if (!asked.ifAbsent)
    throw new StorageError({
      code: 'already_exists',
      message: `Collection ${name} is there already; pass ifAbsent: true to use it.`,
      details,
    });
  if (dimension !== asked.dimension || metric !== asked.metric)
    throw new StorageError({
      code: 'invalid_state',
      message: `Collection ${name} is there with dimension ${dimension} and metric ${metric}; use those, another name, or delete it first.`,
      details,
    });
  if (embeddingModel !== undefined && asked.embeddingModel !== undefined && embeddingModel !== asked.embeddingModel)
    throw new StorageError({
      code: 'invalid_state',
      message: `Collection ${name} is there with vectors of ${embeddingModel}; use that model, another name, or delete it first.`,
      details,
    });
}

class VectorStoreFacade<Native, Position> implements VectorStore {
  readonly #driver: VectorDriver<Native, Position>;
  readonly #guard: CallGuard;
  readonly #capabilities: VectorCapabilities;

  constructor(driver: VectorDriver<Native, Position>, context: BackendContext) {
    this.#driver = driver;
    this.#guard = new CallGuard(context);
    this.#capabilities = vectorCapabilities(context);
  }

  async #info(row: CollectionRow, call: Call): Promise<CollectionInfo> {
    const { name, dimension, metric, indexType, embeddingModel, fields } = row;
    const count = await this.#driver.count(row, undefined, undefined, call);
    return {
      name,
      dimension,
      metric,
      count,
      ...(indexType !== undefined && { indexType }),
      ...(embeddingModel !== undefined && { embeddingModel }),
      fields,
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
      const embeddingModel = checkModel(options.embeddingModel);
      const fields = checkVectorFields(options.fields);
      const ifAbsent = checkFlag(options.ifAbsent, 'ifAbsent', false);
      return async (call) => {
        const { collection, created } = await this.#driver.createCollection(
          name,
          { dimension, metric, metadata, embeddingModel, fields },
          call,
        );
        if (!created) checkSame(collection, { dimension, metric, embeddingModel, ifAbsent });
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
    return new VectorCollectionFacade<Native, Position, M>(this.#driver, this.#guard, this.#capabilities, name, '');
  }
}

/** The vector contract over a driver. */
export function createVectorStore<Native, Position = string>(
  driver: VectorDriver<Native, Position>,
  context: BackendContext,
): VectorStore {
  return new VectorStoreFacade(driver, context);
}
