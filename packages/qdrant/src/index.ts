export { hybridSearchFacet } from '@storage/domain';
export { createQdrant, type QdrantBackend } from './qdrant-backend.ts';
export type { QdrantCapabilities } from './qdrant-capabilities.ts';
export type {
  QdrantHnsw,
  QdrantOptions,
  QdrantQuantization,
  SparseEmbedder,
  SparseVector,
} from './qdrant-options.ts';
export { qdrantPlugin } from './qdrant-plugin.ts';
