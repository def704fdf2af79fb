import { defaultRegistry } from '@storage/core';
import { memoryPlugin } from './memory-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly memory: typeof memoryPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(memoryPlugin, { replace: true });
