import type { Call, VectorHit, VectorPage, VectorParts, VectorRead, VectorSearch } from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import type { Collection, GetResult, Metadata, Where } from 'chromadb';
import { Best, byScore, scoreOfDistance, scoreOfVectors } from './chroma-scores.ts';
import { decodeRecord } from './chroma-shadow.ts';

/** Ids that are left to read. */
export interface ChromaPosition {
  readonly ids: readonly string[];
  readonly from: number;
}

/** How many numbers are read at a time when vectors are scored here, and the most records. */
const scanNumbers = 500_000;
const scanRecords = 2000;

/** More than this are not asked of the index, which slows down by what it is asked for. */
const maxIndexed = 1000;

type Include = 'documents' | 'embeddings' | 'metadatas' | 'distances';

function include(vectors: boolean): Include[] {
  return vectors ? ['documents', 'metadatas', 'embeddings'] : ['documents', 'metadatas'];
}

function toVector(embedding: readonly number[] | null | undefined): Float32Array | undefined {
  return embedding === null || embedding === undefined ? undefined : Float32Array.from(embedding);
}

/** One namespace's native collection, read. */
export class ChromaReads {
  readonly #space: Collection;
  readonly #call: Call;

  constructor(space: Collection, call: Call) {
    this.#space = space;
    this.#call = call;
  }

  /** The ids of all that match. */
  async ids(where: Where | undefined): Promise<readonly string[]> {
    this.#call.check();
    return (await this.#space.get({ ...(where !== undefined && { where }), include: [] })).ids;
  }

  /** Those of these records that are there, by id. Ids stand once each. */
  async byId(
    ids: readonly string[],
    parts: Pick<VectorParts, 'includeVectors'>,
    where?: Where,
  ): Promise<ReadonlyMap<string, VectorRead>> {
    this.#call.check();
    const found = await this.#space.get({
      ids: [...ids],
      ...(where !== undefined && { where }),
      include: include(parts.includeVectors),
    });
    return new Map(
      found.ids.map((id, index) => [
        id,
        decodeRecord({
          id,
          document: found.documents[index],
          metadata: found.metadatas[index] as Metadata | null | undefined,
          vector: toVector(found.embeddings[index]),
        }),
      ]),
    );
  }

  /** Ids first: by offsets a record would be missed for each that is deleted meanwhile. */
  async page(
    where: Where | undefined,
    after: ChromaPosition | undefined,
    limit: number,
    parts: VectorParts,
  ): Promise<VectorPage<ChromaPosition>> {
    const { ids, from } = after ?? { ids: await this.ids(where), from: 0 };
    const part = ids.slice(from, from + limit);
    if (part.length === 0) return { rows: [] };
    const rows = [...(await this.byId(part, parts, where)).values()];
    return from + limit < ids.length ? { rows, next: { ids, from: from + limit } } : { rows };
  }

  /** The closest by the index, or by reading all that match: when that is asked for, and when the index falls short of what is there. */
  async search(metric: Metric, search: VectorSearch<Where>): Promise<readonly VectorHit[]> {
    const { limit, filter, exact } = search;
    if (exact || limit > maxIndexed) return this.#scan(metric, search);
    const hits = await this.#query(metric, search);
    if (hits.length >= limit) return hits;
    const there = filter === undefined ? await this.#space.count() : Number.POSITIVE_INFINITY;
    return hits.length >= there ? hits : this.#scan(metric, search);
  }

  async #query(metric: Metric, { vector, limit, filter, includeVectors }: VectorSearch<Where>): Promise<VectorHit[]> {
    this.#call.check();
    const found = await this.#space.query({
      queryEmbeddings: [Array.from(vector)],
      nResults: limit,
      ...(filter !== undefined && { where: filter }),
      include: [...include(includeVectors), 'distances'],
    });
    const [ids = [], documents, metadatas, embeddings, distances] = [
      found.ids[0],
      found.documents[0],
      found.metadatas[0],
      found.embeddings[0],
      found.distances[0],
    ];
    const hits = ids.map((id, index): VectorHit => {
      const distance = distances?.[index] ?? undefined;
      const read = decodeRecord({
        id,
        document: documents?.[index],
        metadata: metadatas?.[index] as Metadata | null | undefined,
        vector: toVector(embeddings?.[index]),
      });
      return { ...read, score: distance === undefined ? Number.NaN : scoreOfDistance(metric, distance), distance };
    });
    // A distance that the server can't reckon leaves the place of a record open: then it is scored here.
    return hits.some(({ score }) => Number.isNaN(score)) ? [] : hits.sort(byScore);
  }

  async #scan(metric: Metric, search: VectorSearch<Where>): Promise<readonly VectorHit[]> {
    const { vector, limit, filter } = search;
    const step = Math.max(1, Math.min(scanRecords, Math.floor(scanNumbers / vector.length)));
    const best = new Best(limit);
    const add = ({ ids, embeddings }: GetResult): void =>
      best.add(
        ids.map((id, index) => ({
          id,
          score: scoreOfVectors(metric, vector, toVector(embeddings[index]) ?? new Float32Array()),
        })),
      );
    this.#call.check();
    const where = filter !== undefined && { where: filter };
    const first = await this.#space.get({ ...where, limit: step, include: ['embeddings'] });
    if (first.ids.length < step) add(first);
    else {
      const ids = await this.ids(filter);
      for (let from = 0; from < ids.length; from += step) {
        this.#call.check();
        add(await this.#space.get({ ids: ids.slice(from, from + step), include: ['embeddings'] }));
      }
    }
    return this.#complete(best, search);
  }

  /** Reads what is told of the best. */
  async #complete({ kept }: Best, search: VectorSearch<Where>): Promise<readonly VectorHit[]> {
    const hits: VectorHit[] = [];
    for (let from = 0; from < kept.length; from += scanRecords) {
      const part = kept.slice(from, from + scanRecords);
      const rows = await this.byId(
        part.map(({ id }) => id),
        search,
      );
      for (const { id, score } of part) {
        const row = rows.get(id);
        // One that was deleted since is no hit.
        if (row !== undefined) hits.push({ ...row, score, distance: undefined });
      }
    }
    return hits;
  }
}
