import { defaultRegistry } from '@storage/core';
import { filesystemPlugin } from './filesystem-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly filesystem: typeof filesystemPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(filesystemPlugin, { replace: true });
