import { definePlugin, type Plugin } from '@storage/core';
import { createMemory, type MemoryBackend } from './memory-backend.ts';
import type { MemoryOptions } from './memory-options.ts';

/** Registers the memory backend: `createRegistry([memoryPlugin])`. Reads no variables. */
export const memoryPlugin: Plugin<'memory', MemoryOptions, MemoryBackend> = definePlugin({
  name: 'memory',
  contract: 1,
  fromEnv: () => ({}),
  create: (options: MemoryOptions) => createMemory(options),
});
