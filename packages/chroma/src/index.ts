export { type ChromaBackend, createChroma } from './chroma-backend.ts';
export type { ChromaCapabilities } from './chroma-capabilities.ts';
export type { ChromaClient } from './chroma-client.ts';
export type { ChromaOptions } from './chroma-options.ts';
export { chromaPlugin } from './chroma-plugin.ts';
