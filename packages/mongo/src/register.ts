import { defaultRegistry } from '@storage/core';
import { mongoPlugin } from './mongo-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly mongo: typeof mongoPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(mongoPlugin, { replace: true });
