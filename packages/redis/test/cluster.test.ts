import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { clustered } from './harness.ts';

const runner = { describe, it, before: beforeAll, after: afterAll };

await onService('redis-cluster', (service) => {
  const server = { name: service.server, version: service.version, how: service.how };
  for (const [name, harness] of [
    ['redis-cluster', clustered(service)],
    ['redis-cluster-cache', clustered(service, { index: false })],
  ] as const) {
    afterAll(() => harness[Symbol.asyncDispose]());
    runConformance({ runner, name, server, ...harness.members() });
  }
});
