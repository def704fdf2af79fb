import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createProxy, type Service } from '@storage/services';
import type { S3Condition } from '../src/index.ts';
import { TestBucket } from './bucket.ts';

const layouts = ['safe', 'plain'] as const;

/** The whole kit on a server, once for each layout. All goes through a proxy, which is what an outage cuts. */
export async function runKit(service: Service, conditional: readonly S3Condition[]): Promise<void> {
  const { hostname, port } = new URL(service.url);
  const proxy = await createProxy({ host: hostname, port: Number(port) });
  const url = new URL(service.url);
  url.port = String(proxy.port);
  const bucket = new TestBucket(service.url);
  afterAll(async () => {
    await bucket.remove();
    await proxy[Symbol.asyncDispose]();
  });

  for (const layout of layouts) {
    const options = { layout, conditional, scanLimit: 500 };
    runConformance({
      runner: { describe, it, before: beforeAll, after: afterAll },
      name: `s3-${layout}-${service.name}`,
      server: { name: service.server, version: service.version, how: service.how },
      clock: true,
      create: ({ clock }) => bucket.create({ ...options, clock }, url.href),
      reopen: (backend, { clock }) => bucket.reopen(backend, { ...options, clock }, url.href),
      destroy: (backend) => bucket.clear(`${bucket.prefixOf(backend)}/`),
      outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
    });
  }
}
