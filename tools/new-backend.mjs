// `npm run new-backend -- redis`: stamps out `packages/redis`, a backend of the house's shape that passes the kit,
// from tools/sample-backend, which is itself built, linted and tested like any other project.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bin, readJson, root, run } from './workspace.mjs';

/** What of the sample is the author's own; the rest is made by tools. */
const copied = [
  'src',
  'test',
  'README.md',
  'jest.config.mjs',
  'package.json',
  'tsconfig.json',
  'tsconfig.lib.json',
  'tsconfig.spec.json',
];

/** Every file that is copied, relative to the folder. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .filter((file) => copied.includes(file.split('/', 1)[0]));
}

/** Writes `packages/<name>` in a workspace. One word, so that it is the same in file names and in identifiers. */
export function stampBackend(name, workspace = root) {
  if (!/^[a-z][a-z0-9]*$/.test(name ?? ''))
    throw new Error(`Name the backend by one lower-case word, not ${JSON.stringify(name)}.`);
  const target = join(workspace, 'packages', name);
  if (existsSync(target)) throw new Error(`packages/${name} is there already.`);

  const words = { sample: name, Sample: name[0].toUpperCase() + name.slice(1), SAMPLE: name.toUpperCase() };
  const rename = (text) => text.replaceAll(/sample/gi, (word) => words[word]);
  const source = join(workspace, 'tools', 'sample-backend');
  for (const file of filesOf(source)) {
    const path = join(target, rename(file));
    mkdirSync(dirname(path), { recursive: true });
    // The sample lies one folder further from the packages that it refers to.
    writeFileSync(path, rename(readFileSync(join(source, file), 'utf8')).replaceAll('../../packages/', '../'));
  }

  const { private: _sampleIsNotPublished, ...manifest } = readJson(join(target, 'package.json'));
  writeJson(join(target, 'package.json'), manifest);

  const solution = readJson(join(workspace, 'tsconfig.json'));
  solution.references.push({ path: `./packages/${name}` });
  writeJson(join(workspace, 'tsconfig.json'), solution);
  return target;
}

const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name] = process.argv.slice(2);
  const target = stampBackend(name);
  for (const [command, ...args] of [
    [bin('biome'), 'check', '--write', target],
    ['npm', 'install'],
    [bin('nx'), 'sync'],
  ]) {
    if (run(command, args) !== 0) process.exit(1);
  }
  console.log(
    `packages/${name} is there. \`npx nx test ${name}\` runs the kit on it; begin with src/${name}-client.ts.`,
  );
}
