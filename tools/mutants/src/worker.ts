import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type CreateOptions, checkConformance, type Harness } from '@storage/conformance';
import type { Backend } from '@storage/core';
import type { Job, JobResult } from './mutant.ts';

/** What a bundle of a backend exports. */
interface Bundle {
  create(options: { readonly clock: (() => number) | undefined; readonly path: string }): Backend;
}

function harnessOf(bundle: Bundle, { target }: Job): Harness {
  const paths = new WeakMap<Backend, string>();
  const at = (path: string, { clock }: CreateOptions): Backend => {
    const backend = bundle.create({ clock, path });
    paths.set(backend, path);
    return backend;
  };
  const pathOf = (backend: Backend): string => paths.get(backend) ?? '';
  const inMemory: Harness = {
    name: target,
    server: { name: target, version: 'patched', how: 'embedded' },
    clock: true,
    create: (options) => at(':memory:', options),
  };
  if (target !== 'sqlite-file') return inMemory;
  return {
    ...inMemory,
    create: (options) => at(join(mkdtempSync(join(tmpdir(), 'mutant-')), 'store.sqlite'), options),
    reopen: (backend, options) => at(pathOf(backend), options),
    destroy: (backend) => rmSync(dirname(pathOf(backend)), { recursive: true, force: true }),
  };
}

/** Tests whose choices follow from the seed. */
const random = /random|algebra|model|program-order|linearizable|scores|search-finds|fields-change/;

async function run(job: Job): Promise<JobResult> {
  const bundle = (await import(job.module)) as Bundle;
  const { seed, runs, randomOnly } = job;
  const only = randomOnly ? { only: (test: { readonly id: string }) => random.test(test.id) } : {};
  const report = await checkConformance(harnessOf(bundle, job), { seed, runs, ...only });
  const failed = report.suites.flatMap((suite) => suite.tests.filter((test) => !test.passed));
  return {
    passed: report.passed,
    failures: failed.map(({ id, assertion = false, message = '' }) => ({
      id,
      assertion,
      message: message.slice(0, 1000),
    })),
    durationMs: report.durationMs,
  };
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.(result),
    (error: unknown) =>
      process.send?.({ passed: 0, failures: [{ id: 'run', assertion: false, message: String(error) }], durationMs: 0 }),
  );
});
