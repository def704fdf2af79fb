export { createQdrant, type QdrantBackend } from './qdrant-backend.ts';
export type { QdrantCapabilities } from './qdrant-capabilities.ts';
export type { QdrantClient } from './qdrant-client.ts';
export type { QdrantOptions } from './qdrant-options.ts';
export { qdrantPlugin } from './qdrant-plugin.ts';
