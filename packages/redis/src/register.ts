import { defaultRegistry } from '@storage/core';
import { redisPlugin } from './redis-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly redis: typeof redisPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(redisPlugin, { replace: true });
