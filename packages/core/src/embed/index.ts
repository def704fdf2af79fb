export * from './cached-embedder.ts';
export {
  createEmbedder,
  type EmbedderOptions,
  type EmbeddingModel,
  type EmbeddingSource,
  type EmbedFunction,
  type EmbedManySource,
  type EmbedSource,
} from './embedder.ts';
