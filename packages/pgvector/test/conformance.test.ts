import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { createProxy } from '@storage/services';
import { dropSchemas, onService, randomName, throughPort } from '@storage/services/testing';
import { createPgvector, type PgvectorIndexOptions } from '../src/index.ts';

/**
 * The kit's collections are small, and the planner would read them whole: `forced` builds the index with the collection and
 * takes from the planner what it could do without one. Documents that match lie apart from what the query is close to, and have
 * to be found by the graph alone then: it is built with more care than by default.
 */
const variants: readonly (readonly [string, PgvectorIndexOptions, 'forced' | 'chosen'])[] = [
  ['pgvector', {}, 'chosen'],
  ['pgvector-hnsw', { m: 20, efConstruction: 100, buildAt: 0 }, 'forced'],
  ['pgvector-ivfflat', { type: 'ivfflat', lists: 4, buildAt: 0 }, 'forced'],
  ['pgvector-halfvec', { m: 20, efConstruction: 100, quantization: 'half', buildAt: 0 }, 'forced'],
  ['pgvector-binary', { quantization: 'binary', buildAt: 0 }, 'forced'],
  ['pgvector-exact', { type: 'none' }, 'chosen'],
];
const onlyIndexes = '-c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off';

await onService('postgres', async ({ url, server, version, how }) => {
  // Everything goes through a proxy, so that the server can be out of reach.
  const { hostname, port } = new URL(url);
  const proxy = await createProxy({ host: hostname, port: Number(port) });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });
  const schemas = new WeakMap<Backend, string>();
  const schemaOf = (backend: Backend): string => {
    const schema = schemas.get(backend);
    if (schema === undefined) throw new Error('The kit handed over a backend that it was not given.');
    return schema;
  };

  for (const [name, index, planner] of variants) {
    const reached = new URL(throughPort(url, proxy.port));
    if (planner === 'forced') reached.searchParams.set('options', onlyIndexes);
    const openedIn = (schema: string, clock: (() => number) | undefined): Backend => {
      const backend = createPgvector({ url: reached.href, schema, clock, index });
      schemas.set(backend, schema);
      return backend;
    };
    runConformance({
      runner: { describe, it, before: beforeAll, after: afterAll },
      name,
      server: { name: `${server} with pgvector`, version, how },
      clock: true,
      create: ({ clock }) => openedIn(randomName('kit'), clock),
      reopen: (backend, { clock }) => openedIn(schemaOf(backend), clock),
      destroy: (backend) => dropSchemas(url, [schemaOf(backend)]),
      outage: {
        begin: () => proxy.cut(),
        end: () => proxy.restore(),
      },
    });
  }
});
