import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import { examineServer } from '../src/mongo-probe.ts';
import { ownDatabase } from './own-store.ts';

await onService('mongo', async (service) => {
  const proxy = await createProxy({ port: Number(new URL(service.url).port) });
  const own = ownDatabase(service.url, proxy.port);
  afterAll(async () => {
    await own.drop();
    await proxy[Symbol.asyncDispose]();
  });
  const shared = {
    runner: { describe, it, before: beforeAll, after: afterAll },
    server: { name: service.server, version: service.version, how: service.how },
    clock: true,
    destroy: (backend: Backend) => own.destroy(backend),
    outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
  };
  runConformance({
    ...shared,
    name: 'mongo',
    create: ({ clock }) => own.create({ clock }),
    reopen: (backend, { clock }) => own.reopen(backend, { clock }),
  });
  // Where the server is a real replica set, the kit runs once more with all that only such a one has.
  const { topology, engine } = await examineServer(own.db);
  if (topology !== 'standalone' && engine === 'MongoDB') {
    runConformance({
      ...shared,
      name: 'mongo-replica-set',
      create: ({ clock }) => own.create({ clock, transactions: true, changeStreams: true }),
      reopen: (backend, { clock }) => own.reopen(backend, { clock }),
    });
  }
});
