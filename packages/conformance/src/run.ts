import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Capabilities } from '@storage/core';
import { fail, isAssertion } from './assert.ts';
import { withContext } from './context.ts';
import type { Harness, Runner } from './harness.ts';
import { buildReport, type ConformanceReport, type TestResult, writeReport } from './report.ts';
import type { ConformanceTest } from './suite.ts';
import { suites } from './suites/index.ts';

/** The longest that one test may take, where it does not say otherwise. */
const usualLimitMs = 30_000;

export interface ConformanceOptions extends Harness {
  readonly runner: Runner;
  /** Where the report goes. Missing: `reports` in the working directory. */
  readonly reportFolder?: string | undefined;
}

/** A run without a test runner: for programs that prove a backend. */
export interface RunOptions {
  /** Missing: `STORAGE_FUZZ_SEED`, else a random one. */
  readonly seed?: number | undefined;
  /** How many examples each property is tried with. Missing: 100. */
  readonly runs?: number | undefined;
  /** Which of the tests that the capabilities choose are run: for looking at one, or at those that take a seed. Missing: all. */
  readonly only?: ((test: ConformanceTest) => boolean) | undefined;
}

/** The tests that a backend of these capabilities has to pass. */
export function chooseTests(capabilities: Capabilities): readonly ConformanceTest[] {
  return suites.flatMap((suite) => suite.tests.filter((test) => test.applies(capabilities)));
}

function readSeed(): number {
  const text = process.env['STORAGE_FUZZ_SEED'];
  return text === undefined || text === '' ? Math.trunc(Math.random() * 0x7fff_ffff) : Number.parseInt(text, 10);
}

/** The capabilities of the backends that a harness makes. */
export function capabilitiesOf(harness: Harness): Capabilities {
  if (harness.capabilities !== undefined) return harness.capabilities;
  const backend = harness.create({});
  if (!('capabilities' in backend))
    fail('`create` answers a promise: give the capabilities literal as `capabilities` beside it');
  return backend.capabilities;
}

async function limited(body: Promise<void>, { id, limitMs = usualLimitMs }: ConformanceTest): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${id} took over ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([body, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one test; rejects when it fails. */
async function runTest(
  test: ConformanceTest,
  context: Parameters<typeof withContext>[0],
  results: TestResult[],
): Promise<void> {
  const startedAt = Date.now();
  const { id } = test;
  try {
    await limited(withContext(context, test.run), test);
    results.push({ id, passed: true, durationMs: Date.now() - startedAt });
  } catch (error) {
    const assertion = isAssertion(error);
    const message = assertion ? (error as Error).message : inspect(error, { depth: 4 });
    results.push({ id, passed: false, durationMs: Date.now() - startedAt, message, assertion });
    throw error;
  }
}

/** Runs the kit and answers the report. Never rejects for a failed test. */
export async function checkConformance(harness: Harness, options: RunOptions = {}): Promise<ConformanceReport> {
  const capabilities = capabilitiesOf(harness);
  const { seed = readSeed(), runs = 100, only = () => true } = options;
  const results: TestResult[] = [];
  const startedAt = Date.now();
  const tests = chooseTests(capabilities).filter(only);
  for (const test of tests) {
    // The failure stands in the results.
    await runTest(test, { harness, capabilities, seed, runs }, results).catch(() => undefined);
  }
  const { name: backend, server } = harness;
  return buildReport({ backend, server, capabilities, chosen: tests.length, seed, startedAt, results });
}

/**
 * Registers the tests that the backend's capabilities choose with a test runner. After the run the report is written:
 * `reports/conformance-<name>.json` and `.md`.
 */
export function runConformance(options: ConformanceOptions): void {
  const { runner, reportFolder = join(process.cwd(), 'reports'), ...harness } = options;
  const capabilities = capabilitiesOf(harness);
  const tests = chooseTests(capabilities);
  const seed = readSeed();
  const results: TestResult[] = [];
  let startedAt = Date.now();
  runner.describe(`conformance of ${harness.name} (STORAGE_FUZZ_SEED=${seed})`, () => {
    runner.before(async () => {
      startedAt = Date.now();
    });
    runner.after(async () => {
      const { name: backend, server } = harness;
      const report = buildReport({ backend, server, capabilities, chosen: tests.length, seed, startedAt, results });
      await writeReport(report, reportFolder);
    });
    for (const suite of suites) {
      const chosen = tests.filter((test) => suite.tests.includes(test));
      if (chosen.length === 0) continue;
      runner.describe(suite.name, () => {
        for (const test of chosen) {
          runner.it(
            `${test.id}: ${test.title}`,
            () => runTest(test, { harness, capabilities, seed, runs: 100 }, results),
            (test.limitMs ?? usualLimitMs) + 5000,
          );
        }
      });
    }
  });
}
