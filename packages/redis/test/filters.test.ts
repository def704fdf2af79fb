import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { runFilterFuzz } from '@storage/conformance';
import { onService } from '@storage/services/testing';
import { standalone } from './harness.ts';

await onService('redis', (service) => {
  const server = { name: service.server, version: service.version, how: service.how };

  describe('a thousand random filters', () => {
    it.each([
      ['by reading every record', []],
      ['by RediSearch', ['data.a', 'data.b', 'data.a.b', 'data.a\\.b', 'metadata.a', 'metadata.b']],
    ])(
      'are answered as the reference does, %s',
      async (_how, fields) => {
        await using harness = standalone(service, { fields });
        const report = await runFilterFuzz({
          count: 1000,
          seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? randomInt(2 ** 30)),
          round: { filters: 250, documents: 200 },
          harness: { name: 'redis', server, ...harness.members() },
        });
        expect(report.count).toBe(1000);
      },
      120_000,
    );
  });
});
