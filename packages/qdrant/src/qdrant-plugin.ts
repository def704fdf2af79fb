import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createQdrant, type QdrantBackend } from './qdrant-backend.ts';
import type { QdrantOptions } from './qdrant-options.ts';

function fromEnv(env: Environment): QdrantOptions {
  const url = env['QDRANT_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Qdrant as a plugin. Its variable: `QDRANT_URL`. */
export const qdrantPlugin: Plugin<'qdrant', QdrantOptions, QdrantBackend> = definePlugin({
  name: 'qdrant',
  contract: 1,
  fromEnv,
  create: (options) => createQdrant(options),
});
