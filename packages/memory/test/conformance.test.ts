import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createMemory } from '../src/index.ts';

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'memory',
  create: ({ clock }) => createMemory({ clock }),
  clock: true,
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
