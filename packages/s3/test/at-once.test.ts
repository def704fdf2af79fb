// Many writers and many processes at once.
import { afterAll, describe, expect, it } from '@jest/globals';
import { crowd, inTwoProcesses } from '@storage/faults/testing';
import { onService } from '@storage/services/testing';
import { optionsOf, TestBucket } from './bucket.ts';

await onService('minio', ({ url }) => {
  const bucket = new TestBucket(url);
  afterAll(() => bucket.remove());

  describe('many at once', () => {
    it('makes one bucket from two processes, twenty times', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `${bucket.name}-${index}`);
      try {
        const opened = await inTwoProcesses({
          imports: `import { createS3 } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};`,
          create: 'createS3({ ...JSON.parse(process.env.TEST_OPTIONS), bucketName: name })',
          names,
          env: { TEST_OPTIONS: JSON.stringify(optionsOf(url)) },
        });
        expect(opened).toEqual([20, 20]);
      } finally {
        for (const name of names) {
          await bucket.client.removeObject(name, 'a');
          await bucket.client.removeBucket(name);
        }
      }
    }, 120_000);

    it('lets 64 writers store and delete overlapping batches, with no failure for anybody', async () => {
      const first = bucket.create();
      const backends = [first, ...Array.from({ length: 3 }, () => bucket.reopen(first))];
      for (const backend of backends) await backend.open();
      const batches = await crowd(async ({ writer, turn, keys, items }) => {
        const { records } = backends[writer % backends.length] as (typeof backends)[number];
        const outcomes = turn % 3 === 0 ? await records.deleteMany(keys) : await records.storeMany(items);
        expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
      });
      expect(batches).toBeGreaterThan(64);
      for (const backend of backends) await backend.close();
    }, 60_000);
  });
});
