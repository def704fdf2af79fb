// Which benches a name means.
import type { BenchInfo } from './suite.ts';

/** What the caller asked for is not to be had. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

function unknownBench(name: string, benches: readonly BenchInfo[]): UsageError {
  const names = [...new Set(benches.map((bench) => bench.name))];
  return new UsageError(
    `There is no bench '${name}'. Give a name of these, or its beginning up to a dot:\n  ${names.join('\n  ')}`,
  );
}

/** The benches that the names mean: whole names, or their beginning up to a dot. No names: all. */
export function selectBenches(benches: readonly BenchInfo[], names: readonly string[]): ReadonlySet<BenchInfo> {
  if (names.length === 0) return new Set(benches);
  return new Set(
    names.flatMap((name) => {
      const meant = benches.filter((bench) => bench.name === name || bench.name.startsWith(`${name}.`));
      if (meant.length === 0) throw unknownBench(name, benches);
      return meant;
    }),
  );
}
