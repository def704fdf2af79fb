import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ConformanceReport,
  checkConformance,
  chooseTests,
  reportToMarkdown,
  runConformance,
} from '../src/index.ts';
import { SubjectBackend, subjectCapabilities } from './subject.ts';

const run = promisify(execFile);
const server = { name: 'none', version: '1', how: 'embedded' };
const chosen = chooseTests(subjectCapabilities).length;

runConformance({
  runner: { describe, it, before: beforeAll, after: afterAll },
  name: 'subject-under-jest',
  create: (options) => new SubjectBackend(options),
  clock: true,
  server,
  // Not among the reports of this project: the subject is no backend of ours.
  reportFolder: join(tmpdir(), 'conformance-subject'),
});

async function readReport(folder: string, name: string): Promise<ConformanceReport> {
  return JSON.parse(await readFile(join(folder, `conformance-${name}.json`), 'utf8')) as ConformanceReport;
}

describe('the kit', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'conformance-kit-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('runs under node:test, and writes a report', async () => {
    const fixture = fileURLToPath(new URL('./fixtures/node-test.ts', import.meta.url));
    const env = { ...process.env, REPORT_FOLDER: folder, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' };
    const { stdout } = await run(
      process.execPath,
      ['--conditions=@storage/source', '--import', 'tsx', '--test-reporter=tap', fixture],
      { env, maxBuffer: 1 << 26 },
    );
    expect(stdout).toMatch(new RegExp(`^# pass ${chosen}$`, 'm'));
    expect(stdout).toMatch(/^# fail 0$/m);
    const report = await readReport(folder, 'subject-under-node');
    expect(report).toMatchObject({ kind: 'conformance', chosen, passed: chosen, failed: 0, server });
    expect(report.capabilities).toEqual(subjectCapabilities);
  }, 60_000);

  it('tells failures and their seed in report and text', async () => {
    const broken = (): SubjectBackend => {
      const backend = new SubjectBackend();
      backend.exists = async () => true;
      return backend;
    };
    const report = await checkConformance({ name: 'broken', create: broken, server }, { seed: 7, runs: 100 });
    expect(report.seed).toBe(7);
    expect(report.failed).toBeGreaterThan(0);
    const failures = report.suites.flatMap((suite) => suite.tests.filter((test) => !test.passed));
    expect(failures).toContainEqual(
      expect.objectContaining({
        id: 'records/miss-is-undefined',
        assertion: true,
        message: 'exists: expected false, got true',
      }),
    );
    expect(failures.find((test) => test.id === 'records/model-sequential')?.message).toContain('STORAGE_FUZZ_SEED=7');
    expect(reportToMarkdown(report)).toContain('- `records/miss-is-undefined`: exists: expected false, got true');
  });

  it('asks for the capabilities of a harness that makes backends by promise', async () => {
    const create = async (): Promise<SubjectBackend> => new SubjectBackend();
    await expect(checkConformance({ name: 'late', create, server })).rejects.toThrow(/capabilities literal/);
    const report = await checkConformance(
      { name: 'late', create, server, capabilities: subjectCapabilities },
      { only: (test) => test.id.startsWith('health/') },
    );
    expect(report).toMatchObject({ failed: 0, passed: 5 });
  });

  it('demands of the harness what the capabilities promise', async () => {
    class Persistent extends SubjectBackend {
      override readonly capabilities = {
        ...subjectCapabilities,
        persistent: true,
        abort: 'client',
        consistency: 'eventual',
      } as const;
    }
    const report = await checkConformance(
      { name: 'persistent', create: () => new Persistent(), server },
      { only: (test) => test.id === 'capabilities/harness-is-complete' },
    );
    expect(report.suites[0]?.tests[0]?.message).toBe('persistent: true demands `reopen` of the harness');
  });
});
