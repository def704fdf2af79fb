// Every bench runs and tells what it measured; how fast is not a test's business.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { ServiceName } from '@storage/services';
import { onService } from '@storage/services/testing';
import { suites } from '../src/benches/index.ts';
import { runBenches } from '../src/cli.ts';

const benches = suites.flatMap((suite) => suite.benches);

const usual = process.env['TMPDIR'];
const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
process.env['TMPDIR'] = folder;

afterAll(() => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  rmSync(folder, { recursive: true });
});

/** What the benches of a group need a server for. */
const services: { readonly [group: string]: ServiceName } = {
  postgres: 'postgres',
  redis: 'redis',
  'redis-cache': 'redis',
  s3: 'minio',
  mongo: 'mongo',
  pgvector: 'postgres',
  qdrant: 'qdrant',
  chroma: 'chroma',
  pinecone: 'pinecone',
};

for (const group of new Set(benches.map(({ name }) => name.split('.')[0] ?? ''))) {
  const register = (): void => test(`${group}, one short round`, () => runGroup(group), 120_000);
  const service = services[group];
  if (service === undefined) register();
  else await onService(service, register);
}

async function runGroup(group: string): Promise<void> {
  const lines: string[] = [];
  const request = { names: [group], json: true, list: false, rounds: 1 };
  await runBenches(suites, request, (line) => lines.push(line), { roundMs: 1, share: 0.03 });
  const results = lines.map((line) => JSON.parse(line) as { bench: string; concurrency: number });
  const expected = benches.filter(({ name }) => name.startsWith(`${group}.`));
  expect(results.map(({ bench, concurrency }) => `${bench} ${concurrency}`)).toEqual(
    expected.map(({ name, concurrency }) => `${name} ${concurrency}`),
  );
  for (const result of results) {
    expect(result).toEqual({
      bench: expect.any(String),
      concurrency: expect.any(Number),
      ratio: expect.any(Number),
      rawOpsPerSec: expect.any(Number),
      opsPerSec: expect.any(Number),
      rounds: 1,
    });
  }
  // Nothing is left behind.
  expect(readdirSync(folder).filter((name) => name.startsWith('storage-bench-'))).toEqual([]);
}
