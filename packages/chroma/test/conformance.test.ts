import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { ChromaHarness } from './harness.ts';

await onService('chroma', (service) => {
  const harness = new ChromaHarness(service.url);
  afterAll(() => harness[Symbol.asyncDispose]());
  runConformance({
    runner: { describe, it, before: beforeAll, after: afterAll },
    name: 'chroma',
    server: { name: service.server, version: service.version, how: service.how },
    ...harness.members(),
  });
});
