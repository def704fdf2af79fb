import { createHash } from 'node:crypto';
import type { Call } from '@storage/backend-kit';
import { invalidArgument } from '@storage/core';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import type { SparseEmbedder, SparseVector } from './qdrant-options.ts';

const words = /[\p{L}\p{N}]+/gu;

function wordNumber(word: string): number {
  return createHash('sha256').update(word).digest().readUInt32LE(0);
}

/**
 * The words of a text, in small letters, as numbers of 32 bits, and how much each says: the more often, the more, but ever less
 * so. How rare a word is among all documents the server knows, and weighs in (`modifier: idf`).
 */
function hashWords(text: string): SparseVector {
  const counts = new Map<number, number>();
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(words)) {
    const number = wordNumber(word);
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return { indices: [...counts.keys()], values: [...counts.values()].map((count) => count / (count + 1.2)) };
}

function checkSparse(vector: SparseVector | undefined, index: number): SparseVector {
  const { indices, values } = vector ?? {};
  const fits =
    Array.isArray(indices) &&
    Array.isArray(values) &&
    indices.length === values.length &&
    new Set(indices).size === indices.length &&
    indices.every((place) => Number.isInteger(place) && place >= 0 && place < 2 ** 32) &&
    values.every((value) => Number.isFinite(Math.fround(value as number)));
  if (!fits)
    throw invalidArgument(
      `sparse answered for text ${index} what is no sparse vector: { indices, values } of one length, indices whole numbers below 2^32 and none twice.`,
      { path: 'sparse' },
    );
  return vector as SparseVector;
}

/** Makes the sparse vectors of contents, for collections that have them. */
export class SparseSource {
  readonly #embed: SparseEmbedder;

  constructor(sparse: boolean | SparseEmbedder) {
    this.#embed = typeof sparse === 'function' ? sparse : (texts) => texts.map(hashWords);
  }

  async texts(texts: readonly string[], call: Call): Promise<readonly SparseVector[]> {
    const made = await this.#embed(texts, call.signal === undefined ? {} : { signal: call.signal });
    call.check();
    return texts.map((_, index) => checkSparse(made?.[index], index));
  }

  /** One for each content, `undefined` where there is none or nothing in it. */
  async of(
    collection: QdrantCollection,
    contents: readonly (string | undefined)[],
    call: Call,
  ): Promise<readonly (SparseVector | undefined)[]> {
    if (!collection.sparse || contents.every((content) => content === undefined)) return [];
    const places = contents.flatMap((content, index) => (content === undefined ? [] : [index]));
    const made = await this.texts(
      places.map((index) => contents[index] ?? ''),
      call,
    );
    const vectors: (SparseVector | undefined)[] = contents.map(() => undefined);
    for (const [index, place] of places.entries()) {
      const vector = made[index];
      if (vector !== undefined && vector.indices.length > 0) vectors[place] = vector;
    }
    return vectors;
  }
}
