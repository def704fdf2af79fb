import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { oneIndex, ownIndexes, PineconeHarness } from './harness.ts';

const runner = { describe, it, before: beforeAll, after: afterAll };

await onService('pinecone', (service) => {
  const server = { name: service.server, version: service.version, how: service.how };
  for (const [name, layout] of [
    ['pinecone', ownIndexes()],
    ['pinecone-one-index', oneIndex],
    ['pinecone-pods', ownIndexes({ environment: 'us-west1-gcp' })],
  ] as const) {
    const harness = new PineconeHarness(service, layout);
    afterAll(() => harness[Symbol.asyncDispose]());
    runConformance({ runner, name, server, ...harness.members() });
  }
});
