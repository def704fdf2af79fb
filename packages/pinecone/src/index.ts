export { createPinecone, type PineconeBackend } from './pinecone-backend.ts';
export type { PineconeCapabilities } from './pinecone-capabilities.ts';
export type { PineconeClient } from './pinecone-client.ts';
export type { PineconeOptions } from './pinecone-options.ts';
export { pineconePlugin } from './pinecone-plugin.ts';
