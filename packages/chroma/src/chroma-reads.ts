import type { Call, VectorHit, VectorPage, VectorParts, VectorRead, VectorSearch } from '@storage/backend-kit';
import type { Metric } from '@storage/core';
import type { Collection, Metadata, Where } from 'chromadb';
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

/** Up to here all that is told of records is read in one request. */
const fewNumbers = 100_000;

type Include = 'documents' | 'embeddings' | 'metadatas' | 'distances';

function include(vectors: boolean): Include[] {
  return vectors ? ['documents', 'metadatas', 'embeddings'] : ['documents', 'metadatas'];
}

function recordsOf(numbers: number, { length }: Float32Array): number {
  return Math.max(1, Math.min(scanRecords, Math.floor(numbers / length)));
}

function matching(where: Where | undefined): { readonly where?: Where } {
  return where === undefined ? {} : { where };
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
    return (await this.#space.get({ ...matching(where), include: [] })).ids;
  }

  /** Those of these records that are there, by id. Ids stand once each. */
  async byId(
    ids: readonly string[],
    parts: Pick<VectorParts, 'includeVectors'>,
    where?: Where,
  ): Promise<ReadonlyMap<string, VectorRead>> {
    const rows = await this.#rows({ ids: [...ids], ...matching(where) }, parts.includeVectors);
    return new Map(rows.map((row) => [row.id, row]));
  }

  async #rows(
    asked: { readonly ids?: string[]; readonly where?: Where; readonly limit?: number },
    vectors: boolean,
  ): Promise<readonly VectorRead[]> {
    this.#call.check();
    const found = await this.#space.get({ ...asked, include: include(vectors) });
    return found.ids.map((id, index) =>
      decodeRecord({
        id,
        document: found.documents[index],
        metadata: found.metadatas[index] as Metadata | null | undefined,
        vector: toVector(found.embeddings[index]),
      }),
    );
  }

  /**
   * The first page as the server has it; behind it by ids that are read at once: by offsets a record would be missed for each that is
   * deleted meanwhile.
   */
  async page(
    where: Where | undefined,
    after: ChromaPosition | undefined,
    limit: number,
    { includeVectors }: VectorParts,
  ): Promise<VectorPage<ChromaPosition>> {
    if (after === undefined) {
      const rows = await this.#rows({ ...matching(where), limit }, includeVectors);
      if (rows.length < limit) return { rows };
      const met = new Set(rows.map(({ id }) => id));
      const ids = (await this.ids(where)).filter((id) => !met.has(id));
      return ids.length === 0 ? { rows } : { rows, next: { ids, from: 0 } };
    }
    const { ids, from } = after;
    const rows = [...(await this.byId(ids.slice(from, from + limit), { includeVectors }, where)).values()];
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
      ...matching(filter),
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
    const { vector, filter, includeVectors } = search;
    const score = (other: Float32Array | undefined): number =>
      scoreOfVectors(metric, vector, other ?? new Float32Array());
    const few = recordsOf(fewNumbers, vector);
    const first = await this.#rows({ ...matching(filter), limit: few }, true);
    if (first.length < few) {
      const hits = first.map((row) => ({
        ...row,
        vector: includeVectors ? row.vector : undefined,
        score: score(row.vector),
        distance: undefined,
      }));
      // All of them, for they are here: who filters them again need not ask for more.
      return hits.sort(byScore);
    }
    const ids = await this.ids(filter);
    const best = new Best(search.limit);
    const step = recordsOf(scanNumbers, vector);
    for (let from = 0; from < ids.length; from += step) {
      this.#call.check();
      const part = await this.#space.get({ ids: ids.slice(from, from + step), include: ['embeddings'] });
      best.add(part.ids.map((id, index) => ({ id, score: score(toVector(part.embeddings[index])) })));
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
