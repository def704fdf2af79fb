import { defaultRegistry } from '@storage/core';
import { pineconePlugin } from './pinecone-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly pinecone: typeof pineconePlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(pineconePlugin, { replace: true });
