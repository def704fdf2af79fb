import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createS3 } from '../src/index.ts';

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 's3',
  create: (options) => createS3(options),
  clock: true,
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
