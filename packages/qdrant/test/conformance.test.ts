import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createQdrant } from '../src/index.ts';

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'qdrant',
  create: (options) => createQdrant(options),
  clock: true,
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
