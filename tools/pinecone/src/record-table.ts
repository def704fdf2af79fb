import type { Matcher } from './filter.ts';
import type { Metadata } from './metadata.ts';
import { type Scored, TopK } from './top-k.ts';

export type Metric = 'cosine' | 'euclidean' | 'dotproduct';

/** A sparse vector: values at indices, all others 0. */
export interface SparseVector {
  readonly indices: readonly number[];
  readonly values: Float32Array;
}

/** A record as it is kept. `values` is empty in an index of sparse vectors. */
export interface Stored {
  readonly id: string;
  readonly values: Float32Array;
  readonly sparse: SparseVector | undefined;
  readonly metadata: Metadata | undefined;
}

/** A query's vectors. */
export interface Probe {
  readonly values: Float32Array | undefined;
  readonly sparse: SparseVector | undefined;
}

function sparseDot(left: SparseVector, right: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const [position, index] of left.indices.entries()) {
    sum += (left.values[position] ?? 0) * (right.get(index) ?? 0);
  }
  return sum;
}

/** The records of one namespace, their vectors one after another in one array, searched exactly. */
export class RecordTable {
  readonly #dimension: number;
  readonly #metric: Metric;
  readonly #slots = new Map<string, number>();
  #ids: string[] = [];
  #metadata: (Metadata | undefined)[] = [];
  #sparse: (SparseVector | undefined)[] = [];
  #values = new Float32Array(0);
  #lengths = new Float64Array(0);
  #sortedIds: readonly string[] | undefined;

  constructor(dimension: number, metric: Metric) {
    this.#dimension = dimension;
    this.#metric = metric;
  }

  get size(): number {
    return this.#ids.length;
  }

  /** All ids in the order of their bytes. */
  sortedIds(): readonly string[] {
    this.#sortedIds ??= [...this.#ids].sort((left, right) => (left < right ? -1 : 1));
    return this.#sortedIds;
  }

  get(id: string): Stored | undefined {
    const slot = this.#slots.get(id);
    return slot === undefined ? undefined : this.at(slot);
  }

  at(slot: number): Stored {
    return {
      id: this.#ids[slot] ?? '',
      values: this.#vector(slot),
      sparse: this.#sparse[slot],
      metadata: this.#metadata[slot],
    };
  }

  put(record: Stored): void {
    let slot = this.#slots.get(record.id);
    if (slot === undefined) {
      slot = this.#ids.length;
      this.#reserve(slot + 1);
      this.#slots.set(record.id, slot);
      this.#ids.push(record.id);
      this.#sortedIds = undefined;
    }
    this.#metadata[slot] = record.metadata;
    this.#sparse[slot] = record.sparse;
    this.#values.set(record.values, slot * this.#dimension);
    let squares = 0;
    for (const value of record.values) squares += value * value;
    this.#lengths[slot] = Math.sqrt(squares);
  }

  remove(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const last = this.#ids.length - 1;
    const moved = this.at(last);
    this.#slots.delete(id);
    this.#sortedIds = undefined;
    if (slot !== last) {
      this.#ids[slot] = moved.id;
      this.#metadata[slot] = moved.metadata;
      this.#sparse[slot] = moved.sparse;
      this.#values.set(moved.values, slot * this.#dimension);
      this.#lengths[slot] = this.#lengths[last] ?? 0;
      this.#slots.set(moved.id, slot);
    }
    this.#ids.pop();
    this.#metadata.pop();
    this.#sparse.pop();
  }

  clear(): void {
    this.#slots.clear();
    this.#ids = [];
    this.#metadata = [];
    this.#sparse = [];
    this.#values = new Float32Array(0);
    this.#lengths = new Float64Array(0);
    this.#sortedIds = undefined;
  }

  /** The ids of the records that match, in the order of their bytes. */
  matching(matches: Matcher): string[] {
    return this.sortedIds().filter((id) => matches(this.#metadata[this.#slots.get(id) ?? -1]));
  }

  count(matches: Matcher): number {
    return this.#metadata.reduce((sum, metadata) => sum + (matches(metadata) ? 1 : 0), 0);
  }

  /**
   * The `limit` best records, best first. Of euclidean the score is the squared distance, and the lowest is best:
   * https://docs.pinecone.io/guides/index-data/indexing-overview#euclidean.
   */
  search(probe: Probe, limit: number, matches: Matcher | undefined): readonly Scored[] {
    const best = new TopK(limit, this.#metric === 'euclidean');
    const dense = probe.values;
    const length = dense === undefined ? 0 : Math.sqrt(dense.reduce((sum, value) => sum + value * value, 0));
    const sparse =
      probe.sparse &&
      new Map(probe.sparse.indices.map((index, position) => [index, probe.sparse?.values[position] ?? 0] as const));
    for (let slot = 0; slot < this.#ids.length; slot++) {
      if (matches !== undefined && !matches(this.#metadata[slot])) continue;
      let score = dense === undefined ? 0 : this.#score(dense, length, slot);
      const own = this.#sparse[slot];
      if (sparse !== undefined) {
        // An index of sparse vectors answers only records that share an index with the query.
        if (dense === undefined && (own === undefined || !own.indices.some((index) => sparse.has(index)))) continue;
        if (own !== undefined) score += sparseDot(own, sparse);
      }
      best.offer(slot, score);
    }
    return best.sorted();
  }

  #score(probe: Float32Array, probeLength: number, slot: number): number {
    if (this.#metric === 'euclidean') return this.#squaredDistance(probe, slot);
    const dot = this.#dot(probe, slot);
    if (this.#metric === 'dotproduct') return dot;
    const lengths = probeLength * (this.#lengths[slot] ?? 0);
    return lengths === 0 ? 0 : dot / lengths;
  }

  // Four sums side by side: one alone would wait for itself at every step.
  #dot(probe: Float32Array, slot: number): number {
    const values = this.#values;
    const dimension = this.#dimension;
    let offset = slot * dimension;
    let first = 0;
    let second = 0;
    let third = 0;
    let fourth = 0;
    let at = 0;
    for (; at + 3 < dimension; at += 4, offset += 4) {
      first += (probe[at] as number) * (values[offset] as number);
      second += (probe[at + 1] as number) * (values[offset + 1] as number);
      third += (probe[at + 2] as number) * (values[offset + 2] as number);
      fourth += (probe[at + 3] as number) * (values[offset + 3] as number);
    }
    for (; at < dimension; at++, offset++) first += (probe[at] as number) * (values[offset] as number);
    return first + second + third + fourth;
  }

  #squaredDistance(probe: Float32Array, slot: number): number {
    const values = this.#values;
    const offset = slot * this.#dimension;
    let sum = 0;
    for (let at = 0; at < this.#dimension; at++) {
      const difference = (probe[at] as number) - (values[offset + at] as number);
      sum += difference * difference;
    }
    return sum;
  }

  #vector(slot: number): Float32Array {
    return this.#values.slice(slot * this.#dimension, (slot + 1) * this.#dimension);
  }

  #reserve(count: number): void {
    if (count <= this.#lengths.length) return;
    const capacity = Math.max(count, 2 * this.#lengths.length, 16);
    const values = new Float32Array(capacity * this.#dimension);
    values.set(this.#values);
    const lengths = new Float64Array(capacity);
    lengths.set(this.#lengths);
    this.#values = values;
    this.#lengths = lengths;
  }
}
