import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createMongo, type MongoBackend } from './mongo-backend.ts';
import type { MongoOptions } from './mongo-options.ts';

function fromEnv(env: Environment): MongoOptions {
  const url = env['MONGO_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Mongo as a plugin. Its variable: `MONGO_URL`. */
export const mongoPlugin: Plugin<'mongo', MongoOptions, MongoBackend> = definePlugin({
  name: 'mongo',
  contract: 1,
  fromEnv,
  create: (options) => createMongo(options),
});
