import { join } from 'node:path';
import { removeFolder } from './home.ts';
import { findProgram, openToAll, run } from './install.ts';

export interface GoProgram {
  /** The module's path, without a version. */
  readonly module: string;
  readonly version: string;
  /** The module's hash, as Go's checksum database has it; with it those of all that it needs, by its `go.mod`. */
  readonly sum: string;
  /** The package of the program. */
  readonly package: string;
  /** Values for variables of the program, as `-X` of Go's linker takes them. */
  readonly variables?: readonly string[];
}

/** Why programs can't be built from their Go sources here; `undefined` when they can. */
export async function missingForGo(): Promise<string | undefined> {
  if ((await findProgram('go')) === undefined) return 'there is no go on the PATH to build it with';
  return undefined;
}

/** Builds a program from its sources into `bin` in `folder`, with caches of its own that are removed after, and gives way to other work. */
export async function goInstall(folder: string, program: GoProgram): Promise<void> {
  const caches = join(folder, 'caches');
  const programs = join(folder, 'bin');
  const variables = (program.variables ?? []).map((variable) => ` -X ${variable}`).join('');
  await run(
    'nice',
    [
      ...['-n', '10', 'go', 'install', '-modcacherw', '-trimpath', `-ldflags=-s -w${variables}`],
      `${program.package}@${program.version}`,
    ],
    {
      minutes: 30,
      env: { CGO_ENABLED: '0', GOBIN: programs, GOMODCACHE: join(caches, 'mod'), GOCACHE: join(caches, 'build') },
    },
  );
  await removeFolder(caches);
  const name = program.package.split('/').at(-1) ?? '';
  const parts = await run('go', ['version', '-m', join(programs, name)]);
  const sum = parts
    .split('\n')
    .map((line) => line.trim().split('\t'))
    .find(([key]) => key === 'mod')?.[3];
  if (sum !== program.sum)
    throw new Error(`${program.module} was built from sources of hash ${sum}, not ${program.sum}.`);
  await openToAll(folder);
}
