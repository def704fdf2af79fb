import type { BundleFolder } from './bundle.ts';
import type { Failure, JobResult, Mutant } from './mutant.ts';
import type { Pool } from './pool.ts';

/** The seed of the runs on mutants. */
const mutantSeed = 20_260_101;
/** Examples of a property: a mutant that needs more to be met is no good example. */
const runs = 25;

/** What is wrong about a mutant: nothing, when the named test caught it and no other suite was disturbed. */
export interface Verdict {
  readonly problems: readonly string[];
  /** Suites that failed and are not listed, for whoever writes the mutant. */
  readonly suites: readonly string[];
  readonly durationMs: number;
}

export function suiteOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}

function judge(mutant: Mutant, { failures, durationMs }: JobResult): Verdict {
  const own = failures.find((failure) => failure.id === mutant.test);
  const problems: string[] = [];
  if (own === undefined) problems.push(`${mutant.test} passes`);
  else if (!own.assertion) problems.push(`${mutant.test} fails, but not on an assertion: ${own.message}`);
  const listed = new Set([suiteOf(mutant.test), ...(mutant.alsoFails ?? [])]);
  const failed = new Set(failures.map((failure) => suiteOf(failure.id)));
  const unlisted = failures.filter((failure) => !listed.has(suiteOf(failure.id)));
  for (const failure of unlisted)
    problems.push(`${failure.id} fails, of a suite that is not listed: ${failure.message.slice(0, 200)}`);
  for (const suite of mutant.alsoFails ?? [])
    if (!failed.has(suite)) problems.push(`${suite} is listed and does not fail`);
  return { problems, suites: [...failed].filter((suite) => suite !== suiteOf(mutant.test)), durationMs };
}

/** Runs the kit on a mutant. */
export async function checkMutant(folder: BundleFolder, pool: Pool, mutant: Mutant): Promise<Verdict> {
  const module = await folder.backend(mutant.target, mutant);
  return judge(mutant, await pool.run({ module, target: mutant.target, seed: mutantSeed, runs, randomOnly: false }));
}

/** Runs the kit on an unpatched backend: whole with the first seed, what is random with the others. Answers what failed. */
export async function checkBase(
  folder: BundleFolder,
  pool: Pool,
  target: Mutant['target'],
  seeds: number,
): Promise<readonly Failure[]> {
  const module = await folder.backend(target, undefined);
  const jobs = Array.from({ length: seeds }, (_, index) =>
    pool.run({ module, target, seed: mutantSeed + index, runs, randomOnly: index > 0 }),
  );
  return (await Promise.all(jobs)).flatMap((result) => result.failures);
}
