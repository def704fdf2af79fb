import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy } from '@storage/services';
import { dropSchemas, onService, randomName, throughPort } from '@storage/services/testing';
import { createPostgres } from '../src/index.ts';

await onService('postgres', async ({ url, server, version, how }) => {
  // Everything goes through a proxy, so that the server can be out of reach.
  const { hostname, port } = new URL(url);
  const proxy = await createProxy({ host: hostname, port: Number(port) });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });
  const reached = throughPort(url, proxy.port);

  const schemas = new WeakMap<Backend, string>();
  const openedIn = (schema: string, clock: (() => number) | undefined): Backend => {
    const backend = createPostgres({ url: reached, schema, clock });
    schemas.set(backend, schema);
    return backend;
  };
  const schemaOf = (backend: Backend): string => {
    const schema = schemas.get(backend);
    if (schema === undefined) throw new Error('The kit handed over a backend that it was not given.');
    return schema;
  };

  runConformance({
    runner: { describe, it, before: beforeAll, after: afterAll },
    name: 'postgres',
    server: { name: server, version, how },
    clock: true,
    create: ({ clock }) => openedIn(randomName('kit'), clock),
    reopen: (backend, { clock }) => openedIn(schemaOf(backend), clock),
    destroy: (backend) => dropSchemas(url, [schemaOf(backend)]),
    outage: {
      begin: () => proxy.cut(),
      end: () => proxy.restore(),
    },
  });
});
