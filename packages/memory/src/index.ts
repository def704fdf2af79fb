export { createMemory, type MemoryBackend } from './memory-backend.ts';
export type { MemoryCapabilities } from './memory-capabilities.ts';
export type { MemoryOptions } from './memory-options.ts';
export { memoryPlugin } from './memory-plugin.ts';
