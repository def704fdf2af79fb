import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes `reports/jest.json` of a project: the counts that the table at the end of a run adds up. */
export default class ReportWriter {
  #rootDir;

  constructor(globalConfig) {
    this.#rootDir = globalConfig.rootDir;
  }

  onRunComplete(_contexts, results) {
    const { name } = JSON.parse(readFileSync(join(this.#rootDir, 'package.json'), 'utf8'));
    const folder = join(this.#rootDir, 'reports');
    mkdirSync(folder, { recursive: true });
    const report = {
      kind: 'jest',
      project: name,
      passed: results.numPassedTests,
      // A file that could not run at all has no failed test of its own, and must count all the same.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      files: results.numTotalTestSuites,
      startedAt: new Date(results.startTime).toISOString(),
      durationMs: Date.now() - results.startTime,
    };
    writeFileSync(join(folder, 'jest.json'), `${JSON.stringify(report, null, 2)}\n`);
  }
}
