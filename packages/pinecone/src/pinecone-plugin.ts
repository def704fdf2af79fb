import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createPinecone, type PineconeBackend } from './pinecone-backend.ts';
import type { PineconeOptions } from './pinecone-options.ts';

const variables = {
  apiKey: 'PINECONE_API_KEY',
  controllerUrl: 'PINECONE_CONTROLLER_URL',
  indexName: 'PINECONE_INDEX_NAME',
  namespace: 'PINECONE_NAMESPACE',
  cloud: 'PINECONE_CLOUD',
  region: 'PINECONE_REGION',
  environment: 'PINECONE_ENVIRONMENT',
  metric: 'PINECONE_METRIC',
} as const;

function fromEnv(env: Environment): PineconeOptions {
  const found = Object.entries(variables).flatMap(([option, name]) =>
    env[name] === undefined ? [] : [[option, env[name]] as const],
  );
  // Whether a word is a cloud or a metric is told by `create`.
  return Object.fromEntries(found) as PineconeOptions;
}

/**
 * Pinecone as a plugin. Its variables: `PINECONE_API_KEY`, `PINECONE_CONTROLLER_URL`, `PINECONE_INDEX_NAME`, `PINECONE_NAMESPACE`,
 * `PINECONE_CLOUD`, `PINECONE_REGION`, `PINECONE_ENVIRONMENT`, `PINECONE_METRIC`.
 */
export const pineconePlugin: Plugin<'pinecone', PineconeOptions, PineconeBackend> = definePlugin({
  name: 'pinecone',
  contract: 1,
  fromEnv,
  create: (options) => createPinecone(options),
});
