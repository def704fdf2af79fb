import { randomInt } from 'node:crypto';
import { afterAll, expect, it } from '@jest/globals';
import { runFilterFuzz } from '@storage/conformance';
import { normalizeFilter, recordRoots } from '@storage/core/filter';
import { onService } from '@storage/services/testing';
import { compileMongoFilter } from '../src/index.ts';
import { ownDatabase } from './own-store.ts';

await onService('mongo', (service) => {
  const own = ownDatabase(service.url);
  afterAll(() => own.drop());

  it('answers a thousand random filters as the reference does, each as the server alone runs it', async () => {
    const report = await runFilterFuzz({
      count: 1000,
      seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? randomInt(2 ** 30)),
      harness: {
        name: 'mongo',
        server: { name: service.server, version: service.version, how: service.how },
        create: () => own.create(),
        destroy: (backend) => own.destroy(backend),
      },
      explain: (filter) => {
        const node = normalizeFilter(filter, { roots: recordRoots });
        return node.kind === 'true' || node.kind === 'false' ? 'exact' : compileMongoFilter(node).precision;
      },
    });
    expect(report.count).toBe(1000);
  }, 180_000);
});
