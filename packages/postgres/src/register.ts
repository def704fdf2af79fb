import { defaultRegistry } from '@storage/core';
import { postgresPlugin } from './postgres-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly postgres: typeof postgresPlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(postgresPlugin, { replace: true });
