import { defaultRegistry } from '@storage/core';
import { pgvectorPlugin } from './pgvector-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly pgvector: typeof pgvectorPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(pgvectorPlugin, { replace: true });
