import { defaultRegistry } from '@storage/core';
import { sqlitePlugin } from './sqlite-plugin.ts';

declare module '@storage/core' {
  interface DefaultPlugins {
    readonly sqlite: typeof sqlitePlugin;
  }
}

// A second copy of this package takes the place of the first.
defaultRegistry().use(sqlitePlugin, { replace: true });
