import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder } from './home.ts';
import { findProgram, run } from './install.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Why packages of Debian can't be had here; `undefined` when they can. */
export async function missingForDebian(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `its packages are those of Debian on x64, and this is ${process.platform} on ${process.arch}`;
  }
  for (const program of ['apt-get', 'dpkg-deb']) {
    if ((await findProgram(program)) === undefined) return `there is no ${program} on the PATH`;
  }
  const signed = await readdir('/usr/share/keyrings').then(
    (names) => names.some((name) => keyring.endsWith(`/${name}`)),
    () => false,
  );
  return signed ? undefined : `${keyring} is missing, by which packages of Debian are checked`;
}

/**
 * Unpacks a package of another suite than this machine's, with all that it needs down to libc, into `folder`, and leaves the machine
 * as it is. From the mirror that apt is set up with; apt checks each package by the suite's signed lists. Programs in it need
 * `runWithLibraries` to start.
 */
export async function unpackDebian(folder: string, suite: string, name: string): Promise<void> {
  const apt = join(folder, '.apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'none'])
    await mkdir(join(apt, part), { recursive: true });
  await writeFile(join(apt, 'status'), '');
  await writeFile(join(apt, 'sources.list'), `deb [signed-by=${keyring}] ${await mirror()} ${suite} main\n`);
  const settings = [
    `Dir::State=${apt}`,
    `Dir::State::status=${join(apt, 'status')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    `Dir::Etc::sourcelist=${join(apt, 'sources.list')}`,
    `Dir::Etc::sourceparts=${join(apt, 'none')}`,
    `Dir::Etc::preferencesparts=${join(apt, 'none')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
    'APT::Install-Recommends=0',
    'Acquire::Languages=none',
  ].flatMap((setting) => ['-o', setting]);
  await run('apt-get', ['-qq', ...settings, 'update']);
  await run('apt-get', ['-qq', ...settings, '--yes', '--download-only', 'install', name]);
  const archives = join(apt, 'cache', 'archives');
  // What else a whole system would need (an init, Perl, fonts) is left out.
  for (const file of await readdir(archives)) {
    if (/^(lib|zlib|postgresql-\d).*\.deb$/.test(file))
      await run('dpkg-deb', ['--extract', join(archives, file), folder]);
  }
  await removeFolder(apt);
  for (const part of ['etc', 'var', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'])
    await removeFolder(join(folder, part));
}

/** The mirror for packages of this machine's own suite. */
async function mirror(): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
  const found = targets.split('\n').find((target) => /^https?:/.test(target) && !target.includes('security'));
  if (found === undefined) throw new Error('apt has no mirror of Debian in its sources.');
  return found;
}

/**
 * Lets a program from `unpackDebian` run with the libraries there, libc included, in place of the machine's: beside it, under its own
 * name with `.real`, lies the program itself. `more`: folders with libraries besides the system's.
 */
export async function runWithLibraries(folder: string, program: string, ...more: readonly string[]): Promise<void> {
  await rename(join(folder, program), join(folder, `${program}.real`));
  const up = program.split('/').slice(0, -1).fill('..').join('/');
  const folders = ['', '/blas', '/lapack'].map((part) => `usr/lib/x86_64-linux-gnu${part}`);
  const path = [...folders, ...more].map((part) => `$root/${part}`).join(':');
  const script = `#!/bin/sh
root=$(cd "$(dirname "$0")/${up}" && pwd)
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "${path}" --argv0 "$0" "$0.real" "$@"
`;
  await writeFile(join(folder, program), script, { mode: 0o755 });
}
