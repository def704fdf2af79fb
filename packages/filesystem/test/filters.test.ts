import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runFilterFuzz } from '@storage/conformance';
import { createFilesystem } from '../src/index.ts';
import { scratch } from './support.ts';

test('answers a thousand random filters as the reference does', async () => {
  using folder = scratch();
  let made = 0;
  const report = await runFilterFuzz({
    count: 1000,
    seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? randomInt(2 ** 30)),
    round: { filters: 250, documents: 50 },
    harness: {
      name: 'filesystem',
      server: { name: 'the disk', version: process.version, how: 'embedded' },
      create: () => createFilesystem({ basePath: join(folder.path, String(made++)) }),
    },
  });
  expect(report.count).toBe(1000);
}, 120_000);
