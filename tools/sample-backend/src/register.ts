import { defaultRegistry } from '@storage/core';
import { samplePlugin } from './sample-plugin.ts';

defaultRegistry().use(samplePlugin);
