import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { type ChromaBackend, createChroma } from './chroma-backend.ts';
import type { ChromaOptions } from './chroma-options.ts';

/** A variable by its name here, else by its older one. */
function read(env: Environment, name: string, older: string): string | undefined {
  return env[`CHROMA_${name}`] ?? env[`ATLAS_VECTOR_CHROMA_${older}`];
}

function fromEnv(env: Environment): ChromaOptions {
  const { CHROMA_URL: url } = env;
  const host = read(env, 'HOST', 'HOST');
  const port = read(env, 'PORT', 'PORT');
  const persistDirectory = read(env, 'PERSIST_DIRECTORY', 'PERSIST_DIR');
  const authToken = read(env, 'AUTH_TOKEN', 'AUTH_TOKEN');
  const tenant = read(env, 'TENANT', 'TENANT');
  const database = read(env, 'DATABASE', 'DATABASE');
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
 * `CHROMA_TENANT`, `CHROMA_DATABASE`. Of each but the first the older `ATLAS_VECTOR_CHROMA_…` is read where it is missing.
 */
export const chromaPlugin: Plugin<'chroma', ChromaOptions, ChromaBackend> = definePlugin({
  name: 'chroma',
  contract: 1,
  fromEnv,
  create: (options) => createChroma(options),
});
