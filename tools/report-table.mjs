// Prints what ran against what, from the reports that the tests wrote into each project's `reports/`:
//   jest.json                    one a project, written by tools/jest/report.mjs
//   conformance-<backend>.json   one a run of the conformance kit, written by the kit
//   absent-<service>.json        one a server that could not be had, written by its tests
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './workspace.mjs';

/** All reports in the `reports/` folders of these projects. */
export function readReports(projects) {
  return projects.flatMap(({ name, folder }) => {
    const reports = join(folder, 'reports');
    return listJson(reports)
      .map((file) => readJson(join(reports, file)))
      .filter(({ kind }) => ['jest', 'conformance', 'absent'].includes(kind))
      .map((report) => ({ ...report, project: name }));
  });
}

function listJson(folder) {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.json'));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The counts of one project's tests; a project that should have reported and did not counts as one failure. */
export function testCounts(projects, reports) {
  return projects.map(({ name }) => {
    const report = reports.find(({ kind, project }) => kind === 'jest' && project === name);
    return report ?? { project: name, passed: 0, failed: 1, skipped: 0, missing: true };
  });
}

export function total(counts) {
  const sum = (member) => counts.reduce((all, count) => all + count[member], 0);
  return `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`;
}

/** Prints both tables. What started before `startedAt` was replayed from Nx's cache. */
export function printTables(projects, reports, startedAt) {
  const origin = ({ missing, startedAt: started }) =>
    missing ? 'no report' : Date.parse(started) < startedAt ? 'replayed' : 'run';
  const ran = reports.filter(({ kind }) => kind === 'conformance');
  const absent = reports.filter(({ kind }) => kind === 'absent');
  if (ran.length + absent.length > 0) {
    printTable(
      ['backend', 'server', 'version', 'how', 'suites', 'passed', 'failed', ''],
      [
        ...ran.map((report) => [
          report.backend,
          report.server.name,
          report.server.version,
          report.server.how,
          report.suites.length,
          report.passed,
          // A chosen test without a result was left out, and that is no pass.
          report.chosen - report.passed,
          origin(report),
        ]),
        ...absent.map((report) => [
          report.project.replace(/^@storage\//, ''),
          report.server.name,
          undefined,
          report.server.how,
          undefined,
          undefined,
          undefined,
          origin(report),
        ]),
      ],
    );
    const whys = new Set(absent.map(({ server, why }) => `${server.name} is absent: ${why}`));
    for (const why of whys) console.log(why);
  }
  const counts = testCounts(projects, reports);
  printTable(
    ['project', 'passed', 'failed', 'skipped', ''],
    counts.map((count) => [count.project, count.passed, count.failed, count.skipped, origin(count)]),
  );
  console.log(total(counts));
}

function printTable(head, rows) {
  const cells = [head, ...rows.map((row) => row.map((cell) => (cell === undefined ? '' : String(cell))))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const isNumber = (column) => rows.every((row) => ['number', 'undefined'].includes(typeof row[column]));
  const line = (row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  console.log(`\n${line(head)}\n${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  for (const row of cells.slice(1)) console.log(line(row));
  console.log('');
}
