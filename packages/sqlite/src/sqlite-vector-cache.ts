import type { Metric } from '@storage/core';
import type { SqlValue } from '@storage/sql';
import { dotProduct, normOf, scoreOf, toFloats } from './sqlite-vector-scores.ts';

/** The vectors of one namespace of a collection as they were at a version, side by side and in the order of their ids. */
interface Matrix {
  readonly version: number;
  readonly ids: readonly string[];
  readonly norms: Float64Array;
  readonly values: Float32Array;
}

/** A document that was found. */
export interface Found {
  readonly id: string;
  readonly score: number;
}

export interface MatrixQuery {
  readonly collection: number;
  readonly ns: string;
  readonly version: number;
  readonly dimension: number;
  readonly metric: Metric;
  readonly vector: Float32Array;
  readonly limit: number;
}

/** Where the vectors come from. */
export interface MatrixSource {
  /** How many there are. */
  count(): number;
  /** Id, norm and vector of each, by id. */
  rows(): Iterable<readonly SqlValue[]>;
  /** The ids that the filter leaves, in order. Missing: there is no filter. */
  readonly matches: (() => readonly string[]) | undefined;
}

/**
 * Vectors that are searched again and again, kept in memory: measuring them there takes half the time of reading each row.
 * The collection's version tells whether they still hold, whoever changed it. They are loaded at the second search of a
 * version, so that those who write between searches do not pay for it.
 */
export class VectorCache {
  readonly #limitBytes: number;
  readonly #matrices = new Map<string, Matrix>();
  readonly #searched = new Map<string, number>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The closest, best first and ties by id; `undefined`: ask the database. */
  search(query: MatrixQuery, source: MatrixSource): readonly Found[] | undefined {
    const key = `${query.collection}/${query.ns}`;
    const matrix = this.#current(key, query, source);
    if (matrix === undefined) return undefined;
    // What was used last goes last.
    this.#matrices.delete(key);
    this.#matrices.set(key, matrix);
    if (source.matches === undefined) return best(matrix, query, undefined);
    const places = placesOf(matrix.ids, source.matches());
    return places && best(matrix, query, places);
  }

  #current(key: string, query: MatrixQuery, source: MatrixSource): Matrix | undefined {
    const kept = this.#matrices.get(key);
    if (kept?.version === query.version) return kept;
    if (kept !== undefined) this.#drop(key, kept);
    if (this.#searched.get(key) !== query.version) {
      if (this.#searched.size > 1000) this.#searched.clear();
      this.#searched.set(key, query.version);
      return undefined;
    }
    const count = source.count();
    const bytes = count * (query.dimension * 4 + 8);
    if (bytes > this.#limitBytes) return undefined;
    for (const [oldest, matrix] of this.#matrices) {
      if (this.#bytes + bytes <= this.#limitBytes) break;
      this.#drop(oldest, matrix);
    }
    const matrix = load(query, count, source);
    this.#bytes += sizeOf(matrix);
    return matrix;
  }

  #drop(key: string, matrix: Matrix): void {
    this.#bytes -= sizeOf(matrix);
    this.#matrices.delete(key);
  }
}

function sizeOf({ values, norms }: Matrix): number {
  return values.byteLength + norms.byteLength;
}

function load({ version, dimension }: MatrixQuery, count: number, source: MatrixSource): Matrix {
  const values = new Float32Array(count * dimension);
  const norms = new Float64Array(count);
  const ids: string[] = [];
  for (const [id, norm, vector] of source.rows()) {
    values.set(toFloats(vector as Uint8Array), ids.length * dimension);
    norms[ids.length] = norm as number;
    ids.push(id as string);
  }
  return { version, ids, norms, values };
}

/** Where ids stand among others, both in the same order. `undefined`: one is not there, so another process wrote meanwhile. */
function placesOf(ids: readonly string[], some: readonly string[]): Int32Array | undefined {
  const places = new Int32Array(some.length);
  let place = 0;
  for (let i = 0; i < some.length; i++) {
    while (place < ids.length && ids[place] !== some[i]) place++;
    if (place === ids.length) return undefined;
    places[i] = place;
  }
  return places;
}

/** `places`: those that are measured. Missing: all. */
function best(
  { ids, norms, values }: Matrix,
  { metric, vector, limit }: MatrixQuery,
  places: Int32Array | undefined,
): readonly Found[] {
  const { length: dimension } = vector;
  const queryNorm = normOf(vector);
  const scores = new Float64Array(places?.length ?? ids.length);
  for (let i = 0; i < scores.length; i++) {
    const place = places === undefined ? i : (places[i] as number);
    scores[i] = scoreOf(metric, dotProduct(values, place * dimension, vector), norms[place] as number, queryNorm);
  }
  return highest(scores, limit).map((index) => ({
    id: ids[places?.[index] ?? index] as string,
    score: scores[index] as number,
  }));
}

/** The indices of the highest scores, the highest first, ties by index. */
function highest(scores: Float64Array, limit: number): readonly number[] {
  const top: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (top.length === limit && score <= least) continue;
    let low = 0;
    let high = top.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((scores[top[middle] as number] as number) >= score) low = middle + 1;
      else high = middle;
    }
    top.splice(low, 0, i);
    if (top.length > limit) top.pop();
    least = scores[top.at(-1) as number] as number;
  }
  return top;
}
