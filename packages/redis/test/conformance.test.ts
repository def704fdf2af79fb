import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { standalone } from './harness.ts';

/** Paths of the kit's filters, so that its random ones ask RediSearch; not `data.a`, which it needs for a scan that is too long. */
const searched = ['data.b', 'data.n', 'data.a.b', 'data.tags', 'data.user.age', 'metadata.a', 'metadata.kind'];

const runner = { describe, it, before: beforeAll, after: afterAll };

await onService('redis', (service) => {
  const server = { name: service.server, version: service.version, how: service.how };
  for (const [name, harness] of [
    ['redis', standalone(service)],
    ['redis-search', standalone(service, { fields: searched, search: 'required' })],
    ['redis-cache', standalone(service, { index: false })],
  ] as const) {
    afterAll(() => harness[Symbol.asyncDispose]());
    runConformance({ runner, name, server, ...harness.members() });
  }
});
