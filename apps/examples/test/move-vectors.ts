import type {
  MetadataInput,
  UntypedFilter,
  VectorCollection,
  VectorDocument,
  VectorInput,
  VectorStore,
} from '@storage/core';

export const dimension = 32;
/** Where the documents are, by the names of their namespaces. */
export const places: readonly (readonly string[])[] = [[], ['acme'], ['acme', 'x/y']];

/** Copies what one collection has into another, page by page. Answers how many documents there were. */
export async function copyDocuments(from: VectorCollection, to: VectorCollection, size = 1000): Promise<number> {
  let copied = 0;
  let batch: VectorInput[] = [];
  const send = async (): Promise<void> => {
    copied += (await to.upsert(batch, { waitFor: 'visible' })).count;
    batch = [];
  };
  for await (const document of from.iterate()) {
    batch.push(document);
    if (batch.length === size) await send();
  }
  if (batch.length > 0) await send();
  return copied;
}

/** The collection's part of this namespace. */
export function placeOf(store: VectorStore, name: string, namespaces: readonly string[]): VectorCollection {
  return namespaces.reduce((collection, namespace) => collection.namespace(namespace), store.collection(name));
}

/** Numbers from −1 to 1 that look random. */
function numbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
}

const oddities: readonly unknown[] = [
  { 'a.b': 1, a: { b: 2 } },
  { 'q"t': "s'q", 'bs\\l': '\\', $d: '$a', '': 'empty', ' ': ' ' },
  { é: 'e\u0301', 'e\u0301': 'é', '😀': '｡', 'n\nl': 'a\tb' },
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": "x", "toString": 0}'),
  { mixed: [1, 'a', true, null, [1], { a: 1 }], none: [], nothing: null, deep: { deeper: [{ deepest: [] }] } },
  { big: Number.MAX_SAFE_INTEGER, small: 5e-324, huge: 1e21, minus: -1, half: 16_777_217, zero: 0 },
  { _t: ['a:n'], id: 'other', content: 'own', createdAt: 'soon', namespace: 7, vector: [1, 2] },
  { long: 'x'.repeat(2000) },
];

/** A document of its number: always the same. */
export function documentOf(number: number): VectorInput & { readonly id: string; readonly metadata: MetadataInput } {
  const next = numbers(number);
  const scale = 1 + (number % 50);
  const oddity = oddities[number % oddities.length] as Record<string, never>;
  return {
    id: number % 3 === 0 ? `doc/${number} é` : `${number}`,
    vector: Float32Array.from({ length: dimension }, () => next() * scale),
    ...(number % 4 !== 0 && { content: number % 4 === 1 ? '' : `text ${number} "😀"` }),
    metadata: {
      ...oddity,
      page: number % 100,
      lang: ['en', 'de', 'fr'][number % 3] ?? 'en',
      at: new Date(1_700_000_000_000 + number * 60_000).toISOString(),
    },
    createdAt: new Date(number * 1_000_003 - 5_000_000_000),
  };
}

/** A query of its number. */
export function queryOf(number: number): Float32Array {
  return Float32Array.from({ length: dimension }, numbers(number + 1_000_000));
}

/** Filters by what a query's number asks for. */
export const filters: readonly UntypedFilter[] = [
  {},
  { lang: 'de' },
  { page: { $gte: 20, $lt: 25 } },
  { at: { $gt: new Date(1_700_000_000_000 + 9_000 * 60_000) } },
  { 'a\\.b': 1, 'a.b': 2 },
  { $not: { big: { $exists: true } }, lang: { $in: ['en', 'fr'] } },
  { long: { $startsWith: 'xxx' }, page: { $ne: 7 } },
];

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, left, right] = [0, 0, 0];
  for (let place = 0; place < a.length; place++) {
    const [x = 0, y = 0] = [a[place], b[place]];
    dot += x * y;
    left += x * x;
    right += y * y;
  }
  return dot / Math.sqrt(left * right);
}

/** What of documents differs from what they were, in words; a few differences at most. */
export function differences(
  expected: readonly (VectorInput & { readonly id: string })[],
  found: readonly (VectorDocument | undefined)[],
): string[] {
  const told: string[] = [];
  for (const [index, want] of expected.entries()) {
    if (told.length > 3) break;
    const have = found[index];
    if (have === undefined) {
      told.push(`${want.id} is missing`);
      continue;
    }
    const length = Math.hypot(...Array.from(want.vector));
    const off = Math.max(...have.vector.map((value, place) => Math.abs(value - (want.vector[place] ?? 0))));
    if (have.vector.length !== want.vector.length || off > 1e-6 * length) told.push(`${want.id}: vector off by ${off}`);
    if (have.id !== want.id) told.push(`${want.id} came back as ${have.id}`);
    if (have.content !== want.content) told.push(`${want.id}: content ${have.content} instead of ${want.content}`);
    if (have.createdAt?.getTime() !== want.createdAt?.getTime()) told.push(`${want.id}: createdAt ${have.createdAt}`);
    const [a, b] = [sorted(have.metadata), sorted(want.metadata)];
    if (a !== b) told.push(`${want.id}: metadata ${a} instead of ${b}`);
  }
  return told;
}

/** JSON with its members in order: not every engine keeps theirs. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/** The true scores of these documents, best first. */
export function rank(
  query: Float32Array,
  documents: Iterable<{ readonly id: string; readonly vector: ArrayLike<number> }>,
): { readonly id: string; readonly score: number }[] {
  return Array.from(documents, ({ id, vector }) => ({ id, score: cosine(query, vector) })).sort(
    (a, b) => b.score - a.score,
  );
}
