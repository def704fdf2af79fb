import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { type ChromaBackend, createChroma } from './chroma-backend.ts';
import type { ChromaOptions } from './chroma-options.ts';

function fromEnv(env: Environment): ChromaOptions {
  const {
    CHROMA_URL: url,
    CHROMA_HOST: host,
    CHROMA_PORT: port,
    CHROMA_PERSIST_DIRECTORY: persistDirectory,
    CHROMA_AUTH_TOKEN: authToken,
    CHROMA_TENANT: tenant,
    CHROMA_DATABASE: database,
  } = env;
  if (port !== undefined && !/^\d+$/.test(port))
    throw invalidArgument('CHROMA_PORT must be a port number.', { path: 'CHROMA_PORT' });
  return {
    ...(url !== undefined && { url }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port: Number(port) }),
    ...(persistDirectory !== undefined && { persistDirectory }),
    ...(authToken !== undefined && { authToken }),
    ...(tenant !== undefined && { tenant }),
    ...(database !== undefined && { database }),
  };
}

/**
 * Chroma as a plugin. Its variables: `CHROMA_URL`, or `CHROMA_HOST` and `CHROMA_PORT`, or `CHROMA_PERSIST_DIRECTORY`; `CHROMA_AUTH_TOKEN`,
 * `CHROMA_TENANT`, `CHROMA_DATABASE`.
 */
export const chromaPlugin: Plugin<'chroma', ChromaOptions, ChromaBackend> = definePlugin({
  name: 'chroma',
  contract: 1,
  fromEnv,
  create: (options) => createChroma(options),
});
