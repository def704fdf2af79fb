// One line a project (its tests as reported, its other targets from Nx's cache), then the count of all tests.
// Exits with 1 when a project failed.
import { spawnSync } from 'node:child_process';
import { readReports, testCounts, total } from './report-table.mjs';
import { bin, projects, root } from './workspace.mjs';

const all = projects();
const tested = all.filter(({ targets }) => targets.includes('test'));
const counts = testCounts(tested, readReports(tested));

for (const { name } of all) {
  const count = counts.find(({ project }) => project === name);
  // What passed before is replayed at once; what failed before fails again.
  const { status } = spawnSync(bin('nx'), ['run-many', '-t', 'typecheck', 'lint', 'build', '-p', name], { cwd: root });
  const passed = status === 0 && (count === undefined || count.failed === 0);
  if (!passed) process.exitCode = 1;
  console.log(`${name}: ${passed ? 'ok' : 'failed'}`);
}
console.log(total(counts));
