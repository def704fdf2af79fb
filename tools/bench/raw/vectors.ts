// What the raw sides of vectors have in common.

/** A document as it is handed in. */
export interface RawDocument {
  readonly id: string;
  readonly vector: Float32Array;
  readonly content: string;
  readonly metadata: { readonly category: string };
}

/** A document as a search answers it. */
interface RawMatch {
  readonly id: string;
  readonly content: string;
  readonly metadata: unknown;
  readonly createdAt: Date;
  /** Of cosine. */
  readonly score: number;
}

/** One collection under cosine, by hand. */
export interface RawVectors {
  upsert(document: RawDocument): Promise<void>;
  /** Many, by the way that the vendor recommends for many. */
  upsertMany(documents: readonly RawDocument[]): Promise<void>;
  /** The 10 closest, of a category where one is given. */
  search(vector: Float32Array, category: string | undefined): Promise<readonly RawMatch[]>;
  /** Resolves when searches see this many documents, and the index has them. */
  settled(documents: number): Promise<void>;
  /** Removes the collection. */
  close(): Promise<void>;
}

export const limit = 10;

/** Sends parts of a list, so many at a time. */
export async function inStreams<T>(
  items: readonly T[],
  size: number,
  streams: number,
  send: (part: readonly T[]) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const stream = async (): Promise<void> => {
    while (next < items.length) {
      const from = next;
      next += size;
      await send(items.slice(from, from + size));
    }
  };
  await Promise.all(Array.from({ length: streams }, stream));
}
