// Installs the tarballs of all published packages in an empty folder, as a user would, and checks there that
//   - every entry can be imported, and says something or is there for its effect,
//   - the declarations compile for a strict TypeScript caller that has only what the packages brought, and the optional peers of
//     entries that are made over one,
//   - the README's example runs.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, root, run } from '../workspace.mjs';
import { packPublished, temporaryFolder } from './pack.mjs';

const packages = packPublished();
const folder = temporaryFolder('installed');
const write = (file, content) => writeFileSync(join(folder, file), content);
const check = (title, command, args) => {
  const status = run(command, args, { cwd: folder });
  console.log(`${title}: ${status === 0 ? 'ok' : 'failed'}`);
  if (status !== 0) process.exit(1);
};

write('package.json', JSON.stringify({ name: 'caller', private: true, type: 'module' }));
const tarballs = packages.map(({ tarball }) => tarball);
// The one typing that a TypeScript program on Node has anyway.
const nodeTypes = `@types/node@${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies['@types/node']}`;
check('install', 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs, nodeTypes]);

const entries = packages.flatMap(({ name, manifest }) =>
  Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => ({ specifier: name + entry.slice(1), effect: entry === './register' })),
);
write(
  'entries.mjs',
  entries
    .map(({ specifier, effect }) =>
      effect
        ? `await import('${specifier}');`
        : `if (Object.keys(await import('${specifier}')).length === 0) throw new Error('${specifier} exports nothing.');`,
    )
    .join('\n'),
);
check(`import of ${entries.length} entries`, process.execPath, ['entries.mjs']);

// What an entry is made over, and its user therefore has: an optional peer that its declarations name.
const peers = packages.flatMap(({ folder: source, manifest }) => {
  const declarations = Object.values(manifest.exports)
    .filter(({ types }) => types !== undefined)
    .map(({ types }) => readFileSync(join(source, types), 'utf8'));
  return Object.keys(manifest.peerDependenciesMeta ?? {})
    .filter((peer) => !peer.startsWith('@storage/') && declarations.some((text) => text.includes(`'${peer}'`)))
    .map((peer) => `${peer}@${manifest.peerDependencies[peer]}`);
});
check(`optional peers: ${peers.join(', ')}`, 'npm', [
  'install',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  '--ignore-scripts',
  ...peers,
]);

write('entries.ts', entries.map(({ specifier }, index) => `export * as entry${index} from '${specifier}';`).join('\n'));
write(
  'tsconfig.json',
  JSON.stringify({
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: true,
    },
    files: ['entries.ts'],
  }),
);
const compiled = spawnSync(bin('tsc'), ['-p', '.', '--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
const errors = compiled.stdout.split('\n').filter((line) => /^\S.*: error TS\d+:/.test(line));
// Some vendors' declarations don't compile by themselves (names of the DOM, modules that they do not bring). That is theirs: their users
// set `skipLibCheck`. Ours have to compile, and to find what they import.
const [ours, vendors] = [true, false].map((own) =>
  errors.filter((line) => !/^node_modules\/(?!@storage\/)/.test(line) === own),
);
const blamed = new Set(vendors.map((line) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(line)?.[1]));
console.log(`errors in declarations of others: ${[...blamed].sort().join(', ') || 'none'}`);
if (ours.length > 0 || (compiled.status !== 0 && errors.length === 0)) {
  console.error(`declarations: failed\n${ours.join('\n') || compiled.stdout + compiled.stderr}`);
  process.exitCode = 1;
} else console.log('declarations: ok');

const example = /```(?:js|ts)\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
if (example === undefined) throw new Error('README.md has no example.');
write('example.mjs', example);
check("README's example", process.execPath, ['example.mjs']);
