import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder } from './home.ts';
import { findProgram, openToAll, run } from './install.ts';

export interface JavaProgram {
  /** `group:artifact:version` of what it needs directly. */
  readonly needs: readonly string[];
  /** The SHA-256 of every jar that comes of that, by its file name. */
  readonly hashes: Readonly<Record<string, string>>;
  /** The file with its main class. */
  readonly source: string;
}

/** Why programs in Java can't be built here; `undefined` when they can. */
export async function missingForJava(): Promise<string | undefined> {
  for (const program of ['java', 'javac', 'mvn']) {
    if ((await findProgram(program)) === undefined) return `there is no ${program} on the PATH`;
  }
  return undefined;
}

/** Fetches the jars into `lib` in `folder` and compiles the source into `classes`. Leaves nothing in Maven's own cache. */
export async function buildJava(folder: string, program: JavaProgram): Promise<void> {
  const [cache, pom, lib] = ['maven', 'pom.xml', 'lib'].map((name) => join(folder, name)) as [string, string, string];
  await writeFile(pom, pomOf(program.needs));
  await run('mvn', [
    ...['--quiet', '--batch-mode', '--strict-checksums', '-f', pom, `-Dmaven.repo.local=${cache}`],
    'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
    ...['-DincludeScope=runtime', `-DoutputDirectory=${lib}`],
  ]);
  await removeFolder(cache);
  const pinned = Object.keys(program.hashes).sort();
  const fetched = (await readdir(lib)).sort();
  if (fetched.join() !== pinned.join()) throw new Error(`Other jars came than are pinned: ${fetched.join(', ')}.`);
  for (const jar of fetched) {
    const hash = createHash('sha256')
      .update(await readFile(join(lib, jar)))
      .digest('hex');
    if (hash !== program.hashes[jar])
      throw new Error(`${jar} has the hash ${hash}, which is not the one that is pinned.`);
  }
  const classes = join(folder, 'classes');
  await mkdir(classes);
  await run('javac', ['-d', classes, '-cp', join(lib, '*'), program.source]);
  await openToAll(folder);
}

function pomOf(needs: readonly string[]): string {
  const dependencies = needs.map((need) => {
    const [group, artifact, version] = need.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>storage</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}
