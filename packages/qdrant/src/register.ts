import { defaultRegistry } from '@storage/core';
import { qdrantPlugin } from './qdrant-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly qdrant: typeof qdrantPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(qdrantPlugin, { replace: true });
