// `npm test`: the tests of every project, then a table of what ran against what.
// Arguments go to Nx: `npm test -- -p @storage/core`.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { printTables, readReports } from './report-table.mjs';
import { bin, projects, run } from './workspace.mjs';

const args = process.argv.slice(2);
const tested = projects().filter(({ targets }) => targets.includes('test'));

// A report that a crashed run left from before must not be taken for its result; Nx puts back
// what it replays from its cache.
for (const { folder } of tested) rmSync(join(folder, 'reports'), { recursive: true, force: true });

const startedAt = Date.now();
const status = run(bin('nx'), ['run-many', '-t', 'test', ...args]);

const reports = readReports(tested);
const reported = new Set(reports.map(({ project }) => project));
printTables(args.length === 0 ? tested : tested.filter(({ name }) => reported.has(name)), reports, startedAt);
process.exitCode = status;
