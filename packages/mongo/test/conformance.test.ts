import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import { ownDatabase } from './own-store.ts';

await onService('mongo', async (service) => {
  const proxy = await createProxy({ port: Number(new URL(service.url).port) });
  const own = ownDatabase(service.url, proxy.port);
  afterAll(async () => {
    await own.drop();
    await proxy[Symbol.asyncDispose]();
  });
  runConformance({
    runner: { describe, it, before: beforeAll, after: afterAll },
    name: 'mongo',
    server: { name: service.server, version: service.version, how: service.how },
    clock: true,
    create: ({ clock }) => own.create({ clock }),
    reopen: (backend, { clock }) => own.reopen(backend, { clock }),
    destroy: (backend) => own.destroy(backend),
    outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
  });
});
