export { createMongo, type MongoBackend } from './mongo-backend.ts';
export type { MongoCapabilities } from './mongo-capabilities.ts';
export { compileMongoFilter, type MongoFilter } from './mongo-filter.ts';
export type { MongoOptions } from './mongo-options.ts';
export { mongoPlugin } from './mongo-plugin.ts';
