// The lock file must name no download address (they differ from machine to machine, and npm finds
// the packages without), must hold a hash for whatever is downloaded, and must fit the manifests.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { readJson, root } from '../workspace.mjs';

const { packages } = readJson(join(root, 'package-lock.json'));
const faults = Object.entries(packages).flatMap(([path, { link, resolved, integrity, inBundle }]) => {
  if (link || !path.includes('node_modules/')) return [];
  if (resolved !== undefined) return [`${path}: names the address ${resolved}`];
  return integrity === undefined && !inBundle ? [`${path}: has no integrity hash`] : [];
});
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);

execFileSync('npm', ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root, stdio: 'pipe' });
console.log(`${Object.keys(packages).length} locked packages: ok`);
