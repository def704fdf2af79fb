import { defaultRegistry } from '@storage/core';
import { memoryPlugin } from './memory-plugin.ts';

defaultRegistry().use(memoryPlugin);
