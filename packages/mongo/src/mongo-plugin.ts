import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createMongo, type MongoBackend } from './mongo-backend.ts';
import type { MongoOptions } from './mongo-options.ts';

function fromEnv(env: Environment): MongoOptions {
  const url = env['MONGO_URL'] ?? env['MONGODB_URI'];
  const database = env['MONGO_DATABASE'];
  const collection = env['MONGO_COLLECTION'];
  const fields = env['MONGO_FIELDS'];
  return {
    ...(url !== undefined && { url }),
    ...(database !== undefined && { database }),
    ...(collection !== undefined && { collection }),
    ...(fields !== undefined && { fields: fields.split(',').map((field) => field.trim()) }),
  };
}

/** MongoDB as a plugin. Its variables: `MONGO_URL` (or `MONGODB_URI`), `MONGO_DATABASE`, `MONGO_COLLECTION`, `MONGO_FIELDS` (paths, separated by commas). */
export const mongoPlugin: Plugin<'mongo', MongoOptions, MongoBackend> = definePlugin({
  name: 'mongo',
  contract: 1,
  fromEnv,
  create: (options) => createMongo(options),
});
