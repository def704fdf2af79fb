import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { type ChromaBackend, createChroma } from './chroma-backend.ts';
import type { ChromaOptions } from './chroma-options.ts';

function fromEnv(env: Environment): ChromaOptions {
  const url = env['CHROMA_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Chroma as a plugin. Its variable: `CHROMA_URL`. */
export const chromaPlugin: Plugin<'chroma', ChromaOptions, ChromaBackend> = definePlugin({
  name: 'chroma',
  contract: 1,
  fromEnv,
  create: (options) => createChroma(options),
});
