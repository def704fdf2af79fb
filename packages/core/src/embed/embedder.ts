import type { CallOptions } from '../call.ts';
import { invalidArgument, StorageError } from '../errors.ts';
import type { Embedder } from '../vectors.ts';

/** A model of the AI SDK: its name, or an object that knows its own. */
export type EmbeddingModel = string | { readonly modelId: string };

/** The AI SDK's `embedMany` with a model. It splits what is too much for one request of the model. */
export interface EmbedManySource<Model extends EmbeddingModel> {
  readonly model: Model;
  readonly embedMany: (request: {
    model: Model;
    values: string[];
    abortSignal?: AbortSignal;
  }) => PromiseLike<{ readonly embeddings: readonly ArrayLike<number>[] }>;
}

/** The AI SDK's `embed` with a model: one request for each text. */
export interface EmbedSource<Model extends EmbeddingModel> {
  readonly model: Model;
  readonly embed: (request: {
    model: Model;
    value: string;
    abortSignal?: AbortSignal;
  }) => PromiseLike<{ readonly embedding: ArrayLike<number> }>;
}

/** One vector for each text, in order. `options.signal` ends it. */
export type EmbedFunction = (
  texts: readonly string[],
  options?: CallOptions,
) => PromiseLike<readonly ArrayLike<number>[]>;

export type EmbeddingSource<Model extends EmbeddingModel> = EmbedFunction | EmbedManySource<Model> | EmbedSource<Model>;

export interface EmbedderOptions {
  /** The model's name, which collections compare with their own. Missing: the AI SDK model's; of a function: not known. */
  readonly model?: string | undefined;
  /** The length of its vectors. Missing: known when it answers. */
  readonly dimension?: number | undefined;
  /** The most texts that are handed to the source at once. Missing: 256. */
  readonly batchSize?: number | undefined;
  /** How many batches are under way at once. Missing: 2. */
  readonly concurrency?: number | undefined;
}

function whole(value: number, path: string): number {
  if (!Number.isInteger(value) || value < 1) throw invalidArgument(`${path} must be a whole number from 1.`, { path });
  return value;
}

/** Refuses an answer that has not a vector for each text. */
export function checkCount(vectors: { readonly length: number }, texts: readonly string[]): void {
  if (vectors?.length === texts.length) return;
  throw new StorageError({
    code: 'invalid_state',
    message: `The embedder answered ${vectors?.length ?? 'no'} vectors for ${texts.length} texts.`,
  });
}

/** The source as a function of one batch, and the name of its model. */
function read<Model extends EmbeddingModel>(
  source: EmbeddingSource<Model>,
): { readonly batch: EmbedFunction; readonly model: string | undefined } {
  if (typeof source === 'function') return { batch: source, model: undefined };
  if (typeof source !== 'object' || source === null || !('embedMany' in source || 'embed' in source))
    throw invalidArgument(
      'An embedder is made of a function of texts, of { embedMany, model } or of { embed, model }.',
    );
  const { model } = source;
  const name = typeof model === 'string' ? model : model?.modelId;
  if (typeof name !== 'string')
    throw invalidArgument('model must be a name or a model of the AI SDK.', { path: 'model' });
  const request = (signal: AbortSignal | undefined): { model: Model; abortSignal?: AbortSignal } =>
    signal === undefined ? { model } : { model, abortSignal: signal };
  if ('embedMany' in source)
    return {
      model: name,
      batch: async (texts, options) =>
        (await source.embedMany({ ...request(options?.signal), values: [...texts] })).embeddings,
    };
  return {
    model: name,
    batch: (texts, options) =>
      Promise.all(texts.map(async (value) => (await source.embed({ ...request(options?.signal), value })).embedding)),
  };
}

/**
 * An embedder of a plain function, or of the AI SDK's `embedMany` or `embed` with a model: `createEmbedder({ embedMany, model })`.
 * Texts are handed over in batches, several at once; equal texts of one call once. What the source throws is thrown as it is; when it
 * answers another number of vectors than it was given texts, that is `invalid_state`.
 */
export function createEmbedder<Model extends EmbeddingModel>(
  source: EmbeddingSource<Model>,
  options: EmbedderOptions = {},
): Embedder {
  const { batch, model } = read(source);
  const batchSize = whole(options.batchSize ?? 256, 'batchSize');
  const concurrency = whole(options.concurrency ?? 2, 'concurrency');
  if (options.dimension !== undefined) whole(options.dimension, 'dimension');

  async function embed(texts: readonly string[], call?: CallOptions): Promise<readonly ArrayLike<number>[]> {
    const different = [...new Set(texts)];
    const vectors = new Map<string, ArrayLike<number>>();
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < different.length) {
        const part = different.slice(next, next + batchSize);
        next += batchSize;
        call?.signal?.throwIfAborted();
        const made = await batch(part, call);
        checkCount(made, part);
        for (const [index, text] of part.entries()) vectors.set(text, made[index] as ArrayLike<number>);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    return texts.map((text) => vectors.get(text) as ArrayLike<number>);
  }
  return Object.assign(embed, { model: options.model ?? model, dimension: options.dimension });
}
