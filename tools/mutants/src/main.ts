import { parseArgs } from 'node:util';
import { BundleFolder } from './bundle.ts';
import { checkBase, checkMutant } from './check.ts';
import { mutants } from './mutants/index.ts';
import { Pool } from './pool.ts';

/** Runs the mutants whose ids contain the argument, or all with the base; answers the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { base: { type: 'string', default: '0' } },
  });
  const chosen = mutants.filter(({ id }) => positionals.every((part) => id.includes(part)));
  const folder = new BundleFolder();
  await folder.make();
  const pool = new Pool(await folder.worker(), 2);
  const startedAt = Date.now();
  let failed = 0;
  try {
    const seeds = Number(values.base);
    for (const target of seeds > 0 ? (['memory', 'sqlite'] as const) : []) {
      const failures = await checkBase(folder, pool, target, seeds);
      failed += failures.length;
      process.stdout.write(`${target}, unpatched, ${seeds} seeds: ${failures.length} failures\n`);
      for (const { id, message } of failures) process.stdout.write(`  ${id}: ${message}\n`);
    }
    await Promise.all(
      chosen.map(async (mutant) => {
        const problems = await checkMutant(folder, pool, mutant).then(
          (verdict) => verdict.problems,
          (error: unknown) => [String(error)],
        );
        failed += problems.length > 0 ? 1 : 0;
        process.stdout.write(`${problems.length === 0 ? 'caught' : 'NOT AS STATED'} ${mutant.id}: ${mutant.test}\n`);
        for (const problem of problems) process.stdout.write(`  ${problem.replaceAll('\n', ' ').slice(0, 400)}\n`);
      }),
    );
  } finally {
    pool.close();
    await folder.remove();
  }
  process.stdout.write(
    `${chosen.length} mutants, ${failed} not as stated, ${((Date.now() - startedAt) / 1000).toFixed(0)} s\n`,
  );
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
