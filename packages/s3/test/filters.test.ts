import { afterAll, expect, test } from '@jest/globals';
import { runFilterFuzz } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { TestBucket } from './bucket.ts';

await onService('minio', (service) => {
  const bucket = new TestBucket(service.url);
  afterAll(() => bucket.remove());

  test('answers a thousand random filters as the reference does', async () => {
    const report = await runFilterFuzz({
      count: 1000,
      // Of so few documents not every seed meets every shape often enough.
      seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? 37),
      round: { filters: 50, documents: 20 },
      harness: {
        name: 's3',
        server: { name: service.server, version: service.version, how: service.how },
        create: () => bucket.create({ layout: 'safe' }),
      },
    });
    expect(report.count).toBe(1000);
  }, 180_000);
});
