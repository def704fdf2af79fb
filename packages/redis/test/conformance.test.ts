import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createRedis } from '../src/index.ts';

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'redis',
  create: (options) => createRedis(options),
  clock: true,
  server: { name: 'none, in process', version: process.version, how: 'embedded' },
});
