// What is stored, the same on both sides and in every run.

/** Random numbers from 0 to 1 that are the same in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A value of about 1 KB of JSON. */
export interface Value {
  readonly id: number;
  readonly user: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly usage: {
    readonly tokens: number;
    readonly seconds: number;
    readonly cached: boolean;
    readonly cost: number | null;
  };
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
  readonly text: string;
}

const sentence = 'The agent read the page, kept what it needed and asked for the next one. ';

/** The value number `index`; `user` is one of `users`. */
export function makeValue(index: number, users: number): Value {
  return {
    id: index,
    user: `user-${index % users}`,
    title: `Record number ${index}`,
    tags: ['research', 'summary', `batch-${index % 7}`],
    usage: {
      tokens: (index * 37) % 4096,
      seconds: (index % 100) / 8,
      cached: index % 2 === 0,
      cost: index % 3 === 0 ? null : 0.25,
    },
    steps: Array.from({ length: 6 }, (_, step) => ({ name: `step-${step}`, ms: (index * 13 + step * 101) % 1000 })),
    text: sentence.repeat(8),
  };
}

/** Keys sort as their numbers do. */
export function makeKey(index: number): string {
  return `session-${String(index).padStart(8, '0')}`;
}

/** The place of the operation `index` among `count`, scattered: every place comes once before one comes again. */
export function scattered(index: number, count: number): number {
  return (index * 7919) % count;
}

// Made beforehand, and the same for every bench of single records: what a value costs to make is not measured.
export const records = 10_000;
const keys: readonly string[] = Array.from({ length: records }, (_, index) => makeKey(index));
const values: readonly Value[] = Array.from({ length: 1000 }, (_, index) => makeValue(index, 500));

/** The key of the operation `index`: key after key. */
export function keyInOrder(index: number): string {
  return keys[index % records] ?? '';
}

/** The key of the operation `index`: each far from the one before. */
export function keyAnywhere(index: number): string {
  return keys[scattered(index, records)] ?? '';
}

/** What the operation `index` stores. */
export function dataOf(index: number): Value {
  return values[index % values.length] as Value;
}

/** A batch of `count` items for the operations from `start` on. */
export function itemsFrom(
  start: number,
  count: number,
  keyOf: (index: number) => string,
): { readonly key: string; readonly data: Value }[] {
  return Array.from({ length: count }, (_, offset) => ({ key: keyOf(start + offset), data: dataOf(start + offset) }));
}

/** Vectors without a pattern, each number from -1 to 1. */
export function makeVectors(count: number, dimension: number, seed: number): readonly Float32Array[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, () => random() * 2 - 1));
}

/** How many directions embeddings differ in. Between vectors without any pattern the closest is hardly closer than the rest. */
const directions = 24;

/** Vectors that differ in few directions, as the embeddings of texts do. */
export function makeEmbeddings(count: number, dimension: number, seed: number): readonly Float32Array[] {
  const axes = makeVectors(directions, dimension, 0);
  return makeVectors(count, directions, seed).map((place) => {
    const embedding = new Float32Array(dimension);
    for (const [direction, axis] of axes.entries()) {
      const length = place[direction] ?? 0;
      for (let at = 0; at < dimension; at++) embedding[at] = (embedding[at] ?? 0) + length * (axis[at] ?? 0);
    }
    return embedding;
  });
}
