import type { Call, VectorHit, VectorSearch } from '@storage/backend-kit';
import { invalidArgument, StorageError } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import { countPoints } from './qdrant-count.ts';
import { anywhere, type QdrantCondition, type QdrantFilter, within } from './qdrant-filter.ts';
import type { QdrantSettings } from './qdrant-options.ts';
import { isInRoot, type PointRead, shadowKey, toNumbers, toRead } from './qdrant-points.ts';

/** The most that one search asks for. */
export const maxLimit = 100_000;

/** A point with the server's own figure of how close it is. */
export interface PointHit extends PointRead {
  readonly score: number;
}

const usualOversampling = { scalar: 2, product: 4, binary: 4 } as const;

/** How a search of this collection is carried out. */
export function searchParams(
  collection: QdrantCollection,
  { hnsw, quantization }: QdrantSettings,
  exact: boolean,
): { readonly [name: string]: unknown } {
  if (exact) return { exact, ...(collection.quantized && { quantization: { ignore: true } }) };
  const oversampling = quantization?.oversampling ?? usualOversampling[quantization?.type ?? 'product'];
  return {
    ...(hnsw.ef !== undefined && { hnsw_ef: hnsw.ef }),
    ...(collection.quantized && { quantization: { rescore: true, oversampling } }),
  };
}

/** What of the payload comes back. */
export function payloadOf(includeMetadata: boolean): true | string[] {
  return includeMetadata ? true : [shadowKey];
}

/** What of the vectors comes back. */
export function vectorsOf(includeVectors: boolean, { sparse }: QdrantCollection): boolean | string[] {
  return includeVectors && sparse ? [''] : includeVectors;
}

/** A point as a hit. Qdrant's figure of euclidean distance grows as things are farther; its cosine passes 1 by a little. */
function toHit(collection: QdrantCollection, point: PointHit, parts: VectorSearch<unknown>): VectorHit {
  const read = toRead(point, parts);
  switch (collection.metric) {
    case 'euclidean':
      return { ...read, score: -point.score, distance: point.score };
    case 'cosine':
      return { ...read, score: Math.min(1, Math.max(-1, point.score)), distance: undefined };
    case 'dot_product':
      return { ...read, score: point.score, distance: undefined };
  }
}

function byScore(a: VectorHit, b: VectorHit): number {
  return b.score - a.score || compareCodePoints(a.id, b.id);
}

/** Searches of vectors. */
export class QdrantSearch {
  readonly #connection: QdrantConnection;
  readonly #settings: QdrantSettings;

  constructor(connection: QdrantConnection, settings: QdrantSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  async search(
    collection: QdrantCollection,
    ns: string,
    search: VectorSearch<QdrantCondition>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const { limit } = search;
    checkQueryLimit(collection, limit);
    const most = Math.min(maxLimit, collection.maxQueryLimit);
    // One more than wanted shows whether the last has equals that were left out.
    let ask = Math.min(limit + 1, most);
    // Where there seem to be no namespaces the root need not be told from them, and what is found shows whether that was so.
    let apart = ns !== '' || collection.namespaced;
    for (;;) {
      const filter = apart ? within(ns, search.filter) : anywhere(search.filter);
      const points = await this.#complete(collection, search, filter, ask, call);
      if (!apart && !points.every(isInRoot)) {
        apart = true;
        continue;
      }
      const last = points[limit - 1]?.score;
      const tied = points.length === ask && ask > limit && points.at(-1)?.score === last;
      if (!tied || ask === most) {
        const hits = points.map((point) => toHit(collection, point, search));
        return hits.sort(byScore).slice(0, limit);
      }
      call.check();
      ask = Math.min(most, ask * 4);
    }
  }

  /** An index that follows neighbours may find fewer than there are; then all are looked at. */
  async #complete(
    collection: QdrantCollection,
    search: VectorSearch<QdrantCondition>,
    filter: QdrantFilter | undefined,
    limit: number,
    call: Call,
  ): Promise<readonly PointHit[]> {
    const found = await this.#query(collection, search, filter, limit, search.exact, call);
    if (found.length === limit || search.exact || collection.indexType === undefined) return found;
    if (!collection.allowsExact) return this.#orShort(collection, filter, found, limit, call);
    return this.#query(collection, search, filter, limit, true, call);
  }

  /** Where strict mode forbids to look at all: what was found, if there is no more. */
  async #orShort(
    collection: QdrantCollection,
    filter: QdrantFilter | undefined,
    found: readonly PointHit[],
    limit: number,
    call: Call,
  ): Promise<readonly PointHit[]> {
    const count = await countPoints(this.#connection, collection, filter, call);
    if (found.length >= Math.min(count, limit)) return found;
    throw new StorageError({
      code: 'scan_limit',
      message: `The index found ${found.length} of ${Math.min(count, limit)}, and the strict mode of collection ${collection.name} forbids an exact search; allow it with search_allow_exact, or declare what the filter asks for in fields.`,
      details: { found: found.length, matching: count },
    });
  }

  async #query(
    collection: QdrantCollection,
    search: VectorSearch<QdrantCondition>,
    filter: QdrantFilter | undefined,
    limit: number,
    exact: boolean,
    call: Call,
  ): Promise<readonly PointHit[]> {
    const { vector, includeMetadata, includeVectors } = search;
    const params = searchParams(collection, this.#settings, exact);
    const { points } = await this.#connection.send(call, (api, init) =>
      api.queryPoints(
        {
          collection_name: collection.native,
          query: toNumbers(vector, collection),
          ...(filter && { filter }),
          limit,
          with_payload: payloadOf(includeMetadata),
          with_vector: vectorsOf(includeVectors, collection),
          ...(Object.keys(params).length > 0 && { params }),
        },
        init,
      ),
    );
    return points as readonly PointHit[];
  }
}

/** Refuses what strict mode would. */
export function checkQueryLimit({ name, maxQueryLimit }: QdrantCollection, limit: number): void {
  if (limit > maxQueryLimit)
    throw invalidArgument(
      `limit is ${limit}, and the strict mode of collection ${name} answers ${maxQueryLimit} at most; ask for fewer, or raise its max_query_limit.`,
      { path: 'limit', limit: maxQueryLimit, actual: limit },
    );
}
