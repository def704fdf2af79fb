import { defaultRegistry } from '@storage/core';
import { chromaPlugin } from './chroma-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly chroma: typeof chromaPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(chromaPlugin, { replace: true });
