import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createChroma } from '../src/index.ts';

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'chroma',
  create: (options) => createChroma(options),
  clock: true,
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
