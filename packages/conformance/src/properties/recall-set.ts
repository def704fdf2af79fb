import { randomNumbers } from './vector-reference.ts';

/** Of the vectors of the set. */
export const recallDimension = 96;
const clusterCount = 80;

/** What a document of the set tells of itself: what one in 1,000, 100, 10 and 2 has, anywhere, and what its neighbours have. */
type RecallMetadata = {
  /** 0 to 999: one document in 1,000 has each. */
  readonly permille: number;
  readonly percent: number;
  readonly decile: number;
  readonly even: boolean;
  /** `c0` to `c79`: where the document lies. */
  readonly cluster: string;
  /** The `permille` as text of three digits. */
  readonly label: string;
  readonly tags: readonly string[];
};

export interface RecallDocument {
  readonly id: string;
  readonly vector: Float32Array;
  readonly metadata: RecallMetadata;
}

/** A number that looks like none of its neighbours. */
function scattered(index: number, below: number): number {
  return ((Math.imul(index + 1, 2_654_435_761) >>> 8) ^ (index * 7919)) % below;
}

/**
 * Vectors as embeddings lie: in clusters, narrow and wide, with norms of their own. Between the clusters an index that follows
 * neighbours alone gets lost, and what a filter leaves over may lie far from where a search begins.
 */
export class RecallSet {
  readonly #next: () => number;
  readonly #centres: readonly Float32Array[];
  readonly #documents = new Map<string, RecallDocument>();

  constructor(seed: number, count: number) {
    this.#next = randomNumbers(seed);
    this.#centres = Array.from({ length: clusterCount }, () =>
      Float32Array.from({ length: recallDimension }, () => this.#bell()),
    );
    for (let index = 0; index < count; index++) this.place(`d${index}`, index);
  }

  /** All that is there now. */
  documents(): readonly RecallDocument[] {
    return [...this.#documents.values()];
  }

  /** Puts a document where this number belongs, with the metadata of it; one that is there already moves. */
  place(id: string, number: number): RecallDocument {
    const cluster = scattered(number, clusterCount);
    const permille = (number * 389) % 1000;
    const document: RecallDocument = {
      id,
      vector: this.#near(this.#centre(cluster), 0.3 + (cluster % 5) * 0.2),
      metadata: {
        permille,
        percent: permille % 100,
        decile: permille % 10,
        even: permille % 2 === 0,
        cluster: `c${cluster}`,
        label: String(permille).padStart(3, '0'),
        tags: [`t${permille % 10}`, `t${(permille + 5) % 10}`],
      },
    };
    this.#documents.set(id, document);
    return document;
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.#documents.delete(id);
  }

  /** A query: in a cluster, or halfway between two. */
  query(number: number): Float32Array {
    const one = this.#centre(number % clusterCount);
    if (number % 2 === 0) return this.#near(one, 0.5);
    const other = this.#centre((number * 7 + 3) % clusterCount);
    return this.#near(
      one.map((value, place) => (value + (other[place] ?? 0)) / 2),
      0.2,
    );
  }

  #centre(cluster: number): Float32Array {
    return this.#centres[cluster] ?? new Float32Array(recallDimension);
  }

  #near(centre: Float32Array, width: number): Float32Array {
    const scale = 1 + this.#next() / 4;
    return centre.map((value) => (value + width * this.#bell()) * scale);
  }

  /** Around 0, seldom far from it. */
  #bell(): number {
    return this.#next() + this.#next() + this.#next();
  }
}
