import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runFilterFuzz } from '@storage/conformance';
import { createFilesystem } from '../src/index.ts';
import { scratch } from './support.ts';

test('answers 1,500 random filters as the reference does', async () => {
  using folder = scratch();
  let made = 0;
  const report = await runFilterFuzz({
    count: 1500,
    seed: Number(process.env['STORAGE_FUZZ_SEED'] ?? randomInt(2 ** 30)),
    // Many sets of documents: in few, a shape that is rare in one of them is met too seldom.
    round: { filters: 50, documents: 50 },
    harness: {
      name: 'filesystem',
      server: { name: 'the disk', version: process.version, how: 'embedded' },
      create: () => createFilesystem({ basePath: join(folder.path, String(made++)) }),
    },
  });
  expect(report.count).toBe(1500);
}, 120_000);
