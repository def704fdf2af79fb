// Stamps a backend into a copy of the workspace and proves it there: nothing of the sample's name is left, it
// compiles, its tests (the kit among them) pass, and a bad or a taken name is refused.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { stampBackend } from '../new-backend.mjs';
import { bin, root, run } from '../workspace.mjs';
import { temporaryFolder } from './pack.mjs';

const name = 'zebra';
const needed = ['core', 'backend-kit', 'domain', 'conformance'];
const workspace = temporaryFolder('generator');
const made = new Set(['node_modules', 'dist', 'out-tsc', 'reports']);
const copy = (path) =>
  cpSync(join(root, path), join(workspace, path), {
    recursive: true,
    filter: (source) =>
      !source
        .slice(root.length)
        .split('/')
        .some((part) => made.has(part)),
  });
for (const path of [
  'package.json',
  'tsconfig.json',
  'tsconfig.base.json',
  'jest.preset.mjs',
  'tools/jest',
  'tools/sample-backend',
])
  copy(path);
for (const folder of needed) copy(`packages/${folder}`);

// The installed packages are shared; those of the workspace are the copy's own.
mkdirSync(join(workspace, 'node_modules', '@storage'), { recursive: true });
for (const entry of readdirSync(join(root, 'node_modules'))) {
  if (entry !== '@storage') symlinkSync(join(root, 'node_modules', entry), join(workspace, 'node_modules', entry));
}
for (const folder of [...needed, name])
  symlinkSync(join(workspace, 'packages', folder), join(workspace, 'node_modules', '@storage', folder));

const target = stampBackend(name, workspace);

const leftOver = readdirSync(target, { recursive: true, withFileTypes: true })
  .map((entry) => ({ entry, path: join(entry.parentPath ?? entry.path, entry.name) }))
  .filter(
    ({ entry, path }) => /sample/i.test(entry.name) || (entry.isFile() && /sample/i.test(readFileSync(path, 'utf8'))),
  )
  .map(({ path }) => path.slice(target.length + 1));
const refuses = (bad) => {
  try {
    stampBackend(bad, workspace);
    return false;
  } catch (error) {
    return error.message.includes(bad);
  }
};
const checks = {
  'nothing of the sample is left': leftOver.length === 0,
  'bad and taken names are refused': refuses('Not-One') && refuses(name),
  compiles: run(bin('tsc'), ['--build', '.'], { cwd: target }) === 0,
  'passes its tests':
    run(bin('jest'), ['--reporters=default', '--silent'], {
      cwd: target,
      env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules' },
    }) === 0,
};
for (const [title, holds] of Object.entries(checks))
  console.log(`stamped backend: ${title}: ${holds ? 'ok' : 'failed'}`);
if (leftOver.length > 0) console.error(leftOver);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
