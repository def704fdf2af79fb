import { defaultRegistry } from '@storage/core';
import { s3Plugin } from './s3-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly s3: typeof s3Plugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(s3Plugin, { replace: true });
