import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { watched } from './harness.ts';

const runner = { describe, it, before: beforeAll, after: afterAll };

await onService('redis-sentinel', async (service) => {
  const server = { name: service.server, version: service.version, how: service.how };
  const harness = await watched(service);
  afterAll(() => harness[Symbol.asyncDispose]());
  runConformance({ runner, name: 'redis-sentinel', server, ...harness.members() });
});
