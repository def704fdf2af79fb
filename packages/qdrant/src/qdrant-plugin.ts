import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createQdrant, type QdrantBackend } from './qdrant-backend.ts';
import type { QdrantOptions } from './qdrant-options.ts';

function fromEnv(env: Environment): QdrantOptions {
  const { QDRANT_URL: url, QDRANT_API_KEY: apiKey, QDRANT_COLLECTION: collectionName } = env;
  return {
    ...(url !== undefined && { url }),
    ...(apiKey !== undefined && { apiKey }),
    ...(collectionName !== undefined && { collectionName }),
  };
}

/** Qdrant as a plugin. Its variables: `QDRANT_URL`, `QDRANT_API_KEY`, `QDRANT_COLLECTION`. */
export const qdrantPlugin: Plugin<'qdrant', QdrantOptions, QdrantBackend> = definePlugin({
  name: 'qdrant',
  contract: 1,
  fromEnv,
  create: (options) => createQdrant(options),
});
