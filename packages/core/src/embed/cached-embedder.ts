import type { CallOptions } from '../call.ts';
import { invalidArgument } from '../errors.ts';
import type { KeyedRecords } from '../records.ts';
import type { Embedder } from '../vectors.ts';
import { checkCount } from './embedder.ts';

export interface EmbeddingCacheOptions {
  /** How long a vector is kept, in milliseconds. Missing: for good. */
  readonly ttlMs?: number | undefined;
}

async function keyOf(model: string, text: string): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([model, text]));
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What the cache holds, if it is a vector of the embedder. */
function kept(data: unknown, dimension: number | undefined): ArrayLike<number> | undefined {
  if (!Array.isArray(data) || data.length === 0 || !data.every(Number.isFinite)) return undefined;
  return dimension === undefined || data.length === dimension ? data : undefined;
}

/**
 * The embedder with its vectors kept in any store of records, under the hash of model and text: each text is embedded once.
 * Give the store a namespace of its own. A cache that fails does not end the call: the texts are embedded, and `onError` is told.
 * The embedder must name its model, or vectors of two models would be mixed up.
 */
export function cachedEmbedder(
  embed: Embedder,
  cache: Pick<KeyedRecords, 'retrieveMany' | 'storeMany'>,
  options: EmbeddingCacheOptions & { readonly onError?: (error: unknown) => void } = {},
): Embedder {
  const { model, dimension } = embed;
  const { ttlMs, onError } = options;
  if (model === undefined)
    throw invalidArgument('A cache needs the name of the model; give it to createEmbedder as `model`.', {
      path: 'model',
    });

  async function attempt<T>(work: () => Promise<T>, otherwise: T, call: CallOptions | undefined): Promise<T> {
    try {
      return await work();
    } catch (error) {
      call?.signal?.throwIfAborted();
      onError?.(error);
      return otherwise;
    }
  }

  async function cached(texts: readonly string[], call?: CallOptions): Promise<readonly ArrayLike<number>[]> {
    const different = [...new Set(texts)];
    const keys = await Promise.all(different.map((text) => keyOf(model as string, text)));
    const keysByText = new Map(different.map((text, index) => [text, keys[index] as string]));
    const records = await attempt(() => cache.retrieveMany(keys, call), [], call);
    const vectors = new Map<string, ArrayLike<number>>();
    for (const [index, text] of different.entries()) {
      const vector = kept(records[index]?.data, dimension);
      if (vector !== undefined) vectors.set(text, vector);
    }
    const missing = different.filter((text) => !vectors.has(text));
    if (missing.length > 0) {
      const made = await embed(missing, call);
      checkCount(made, missing);
      for (const [index, text] of missing.entries()) vectors.set(text, made[index] as ArrayLike<number>);
      const items = missing.map((text) => ({
        key: keysByText.get(text) as string,
        data: Array.from(vectors.get(text) ?? []),
        ...(ttlMs !== undefined && { ttlMs }),
      }));
      const outcomes = await attempt(() => cache.storeMany(items, call), [], call);
      for (const outcome of outcomes) if (!outcome.ok) onError?.(outcome.error);
    }
    return texts.map((text) => vectors.get(text) as ArrayLike<number>);
  }
  return Object.assign(cached, { model, dimension });
}
