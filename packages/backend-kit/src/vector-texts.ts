import { type CallOptions, type Embedder, invalidArgument, isStorageError, StorageError } from '@storage/core';
import type { Call } from './call.ts';
import type { CollectionRow } from './vector-driver.ts';
import { encodeVector } from './vector-encode.ts';

export function checkEmbedder(embed: unknown): Embedder {
  if (typeof embed !== 'function')
    throw invalidArgument('embed is a function that turns texts into vectors; `@storage/core/embed` makes one.', {
      path: 'embed',
    });
  return embed as Embedder;
}

/** Refuses an embedder whose vectors do not belong into the collection. */
function checkModelFits(embed: Embedder, collection: CollectionRow): void {
  const { name, embeddingModel, dimension } = collection;
  if (embed.model !== undefined && embeddingModel !== undefined && embed.model !== embeddingModel)
    throw invalidArgument(
      `Collection ${name} has vectors of ${embeddingModel}, and embed makes those of ${embed.model}; use the model of the collection, or another collection.`,
      { path: 'embed', expected: embeddingModel, actual: embed.model },
    );
  if (embed.dimension !== undefined && embed.dimension !== dimension)
    throw invalidArgument(
      `Collection ${name} takes vectors of ${dimension} numbers, and embed${embed.model === undefined ? '' : ` (${embed.model})`} makes ${embed.dimension}.`,
      { path: 'embed', expected: dimension, actual: embed.dimension },
    );
}

/** The vectors of texts, checked. What the embedder throws is the cause of an `internal` error, unless it is an error of ours. */
export async function embedTexts(
  embed: Embedder,
  texts: readonly string[],
  collection: CollectionRow,
  call: Call,
): Promise<readonly Float32Array[]> {
  checkModelFits(embed, collection);
  if (texts.length === 0) return [];
  const options: CallOptions = call.signal === undefined ? {} : { signal: call.signal };
  let vectors: readonly ArrayLike<number>[];
  try {
    vectors = await embed(texts, options);
  } catch (error) {
    call.check();
    if (isStorageError(error)) throw error;
    throw new StorageError({
      code: 'internal',
      message: 'The embedder failed; its error is the cause.',
      applied: 'no',
      cause: error,
    });
  }
  call.check();
  if (!Array.isArray(vectors) || vectors.length !== texts.length)
    throw invalidArgument(
      `embed answered ${Array.isArray(vectors) ? vectors.length : 'no list of'} vectors for ${texts.length} texts.`,
      { path: 'embed' },
    );
  return vectors.map((vector, index) => encodeVector(vector, `embed()[${index}]`));
}
