// Builds a project and runs its `dist/main.js` in this process: `node tools/run-built.mjs vault [arguments…]`.
// Only what the program itself prints goes to standard output.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bin, projects, root } from './workspace.mjs';

const [name, ...args] = process.argv.slice(2);
const project = projects().find(({ manifest }) => manifest.name === `@storage/${name}`);
if (project === undefined) throw new Error(`There is no project @storage/${name}.`);

const build = spawnSync(bin('nx'), ['build', project.name], { cwd: root, encoding: 'utf8' });
if (build.status !== 0) {
  console.error(build.stdout, build.stderr);
  process.exit(1);
}

const entry = join(project.folder, 'dist', 'main.js');
process.argv = [process.execPath, entry, ...args];
await import(pathToFileURL(entry).href);
