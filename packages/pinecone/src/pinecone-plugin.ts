import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createPinecone, type PineconeBackend } from './pinecone-backend.ts';
import type { PineconeOptions } from './pinecone-options.ts';

function fromEnv(env: Environment): PineconeOptions {
  const url = env['PINECONE_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Pinecone as a plugin. Its variable: `PINECONE_URL`. */
export const pineconePlugin: Plugin<'pinecone', PineconeOptions, PineconeBackend> = definePlugin({
  name: 'pinecone',
  contract: 1,
  fromEnv,
  create: (options) => createPinecone(options),
});
