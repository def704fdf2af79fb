import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Capabilities } from '@storage/core';
import type { ServerFacts } from './harness.ts';

/** How one test ended. */
export interface TestResult {
  readonly id: string;
  readonly passed: boolean;
  readonly durationMs: number;
  /** Why it failed. */
  readonly message?: string;
  /** A failed test: whether one of the kit's assertions failed, and not a call on the way to it. */
  readonly assertion?: boolean;
}

export interface SuiteResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly TestResult[];
}

/** What a run of the kit showed. JSON-safe. */
export interface ConformanceReport {
  readonly kind: 'conformance';
  readonly format: 1;
  readonly backend: string;
  readonly server: ServerFacts;
  readonly capabilities: Capabilities;
  /** Tests that the capabilities choose; fewer results than that mean that the runner left some out. */
  readonly chosen: number;
  readonly passed: number;
  readonly failed: number;
  readonly suites: readonly SuiteResult[];
  /** Of every random choice; `STORAGE_FUZZ_SEED` sets it. */
  readonly seed: number;
  readonly startedAt: string;
  readonly durationMs: number;
}

export interface ReportInput
  extends Pick<ConformanceReport, 'backend' | 'server' | 'capabilities' | 'chosen' | 'seed'> {
  readonly startedAt: number;
  readonly results: readonly TestResult[];
}

/** Puts the results of a run together. */
export function buildReport(input: ReportInput): ConformanceReport {
  const { startedAt, results, ...facts } = input;
  const bySuite = new Map<string, TestResult[]>();
  for (const result of results) {
    const name = result.id.slice(0, result.id.indexOf('/'));
    bySuite.set(name, [...(bySuite.get(name) ?? []), result]);
  }
  const suites = [...bySuite].map(([name, tests]): SuiteResult => {
    const passed = tests.filter((test) => test.passed).length;
    return { name, passed, failed: tests.length - passed, tests };
  });
  const passed = results.filter((result) => result.passed).length;
  return {
    kind: 'conformance',
    format: 1,
    ...facts,
    passed,
    failed: results.length - passed,
    suites,
    startedAt: new Date(startedAt).toISOString(),
    durationMs: Date.now() - startedAt,
  };
}

function flagRows(value: unknown, path: string): string[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, member]) => flagRows(member, path === '' ? name : `${path}.${name}`));
  }
  return [`| ${path} | ${Array.isArray(value) ? value.join(', ') || 'none' : String(value)} |`];
}

/** The report for people. */
export function reportToMarkdown(report: ConformanceReport): string {
  const { backend, server, suites, capabilities } = report;
  const failures = suites.flatMap((suite) => suite.tests.filter((test) => !test.passed));
  return [
    `# Conformance of ${backend}`,
    '',
    `${server.name} ${server.version} (${server.how}): ${report.passed} of ${report.chosen} tests passed, ${report.failed} failed. Seed ${report.seed}.`,
    '',
    '| suite | passed | failed |',
    '|---|--:|--:|',
    ...suites.map((suite) => `| ${suite.name} | ${suite.passed} | ${suite.failed} |`),
    '',
    '| capability | value |',
    '|---|---|',
    ...flagRows(capabilities, ''),
    ...(failures.length > 0 ? ['', '## Failures', ''] : []),
    ...failures.map((test) => `- \`${test.id}\`: ${(test.message ?? '').split('\n', 1)[0]}`),
    '',
  ].join('\n');
}

/** Writes `conformance-<backend>.json` and `.md` into the folder. */
export async function writeReport(report: ConformanceReport, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `conformance-${report.backend.replace(/[^a-z0-9.-]+/gi, '-')}`);
  await writeFile(`${file}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${file}.md`, reportToMarkdown(report));
}
