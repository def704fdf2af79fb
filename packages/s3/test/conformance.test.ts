import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runConformance } from '@storage/conformance';
import { createProxy } from '@storage/services';
import { onService } from '@storage/services/testing';
import type { S3Options } from '../src/index.ts';
import { TestBucket } from './bucket.ts';

await onService('minio', async (service) => {
  const { hostname, port } = new URL(service.url);
  const proxy = await createProxy({ host: hostname, port: Number(port) });
  const url = service.url.replace(/\d+$/, String(proxy.port));
  const bucket = new TestBucket(service.url);
  afterAll(async () => {
    await bucket.remove();
    await proxy[Symbol.asyncDispose]();
  });

  for (const [name, own] of [
    ['s3-safe', { layout: 'safe' }],
    ['s3-plain', { layout: 'plain' }],
  ] as const) {
    const options: Partial<S3Options> = { ...own, conditional: ['write', 'stream'], scanLimit: 1000 };
    runConformance({
      runner: { describe, it, before: beforeAll, after: afterAll },
      name: `${name}-${service.name}`,
      server: { name: service.server, version: service.version, how: service.how },
      clock: true,
      create: ({ clock }) => bucket.create({ ...options, clock }, url),
      reopen: (backend, { clock }) => bucket.reopen(backend, { ...options, clock }, url),
      destroy: (backend) => bucket.clear(`${bucket.prefixOf(backend)}/`),
      outage: { begin: async () => proxy.cut(), end: async () => proxy.restore() },
    });
  }
});
