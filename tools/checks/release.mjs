// A dry run of the next release: every published package must get the same new version.
import { execFileSync } from 'node:child_process';
import { bin, published, root } from '../workspace.mjs';

const tags = execFileSync('git', ['tag', '--list', 'v*'], { cwd: root, encoding: 'utf8' }).trim();
const args = ['release', 'prerelease', '--preid', 'rc', '--dry-run', '--skip-publish'];
const output = execFileSync(bin('nx'), tags === '' ? [...args, '--first-release'] : args, {
  cwd: root,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
});
const versions = new Map(
  [...output.matchAll(/^(@storage\/\S+).*New version (\S+) written/gm)].map(([, name, version]) => [name, version]),
);
const expected = published().map(({ name }) => name);
const missing = expected.filter((name) => !versions.has(name));
const distinct = new Set(versions.values());
if (missing.length > 0 || distinct.size !== 1) {
  console.error(output);
  console.error('Not released:', missing, 'versions:', [...distinct]);
  process.exit(1);
}
console.log(`${expected.length} packages would become ${[...distinct][0]}: ok`);
