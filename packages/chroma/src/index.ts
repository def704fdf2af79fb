export { type ChromaBackend, createChroma } from './chroma-backend.ts';
export type { ChromaCapabilities } from './chroma-capabilities.ts';
export type { ChromaIndexOptions, ChromaOptions } from './chroma-options.ts';
export { chromaPlugin } from './chroma-plugin.ts';
