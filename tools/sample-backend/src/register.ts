import { defaultRegistry } from '@storage/core';
import { samplePlugin } from './sample-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly sample: typeof samplePlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(samplePlugin, { replace: true });
