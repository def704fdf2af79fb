import { defaultRegistry } from '@storage/core';
import { sqlitePlugin } from './sqlite-plugin.ts';

defaultRegistry().use(sqlitePlugin);
