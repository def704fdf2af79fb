import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BundleFolder } from '../src/bundle.ts';
import { checkBase, checkMutant, suiteOf, type Verdict } from '../src/check.ts';
import type { Failure } from '../src/mutant.ts';
import { mutants } from '../src/mutants/index.ts';
import { Pool } from '../src/pool.ts';

const limitMs = 900_000;
const seeds = 20;
const folder = new BundleFolder();
const verdicts = new Map<string, Promise<Verdict>>();
const bases = new Map<string, Promise<readonly Failure[]>>();
let pool: Pool | undefined;

/** A promise that nobody has asked for yet, and that may fail before somebody does. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

beforeAll(async () => {
  await folder.make();
  const workers = new Pool(await folder.worker(), 2);
  pool = workers;
  for (const target of ['memory', 'sqlite'] as const)
    bases.set(target, quiet(checkBase(folder, workers, target, seeds)));
  for (const mutant of mutants) verdicts.set(mutant.id, quiet(checkMutant(folder, workers, mutant)));
}, limitMs);

afterAll(async () => {
  pool?.close();
  await folder.remove();
});

describe('unpatched backends', () => {
  it.each(['memory', 'sqlite'])(
    '%s passes with 20 seeds',
    async (target) => expect(await bases.get(target)).toEqual([]),
    limitMs,
  );
});

describe('broken backends', () => {
  it.each(mutants)(
    '$id is caught by $test',
    async ({ id }) => expect((await verdicts.get(id))?.problems).toEqual([]),
    limitMs,
  );

  it('are at least three for each suite, half of them over SQLite', () => {
    const bySuite = new Map<string, number>();
    for (const { test } of mutants) bySuite.set(suiteOf(test), (bySuite.get(suiteOf(test)) ?? 0) + 1);
    expect([...bySuite].filter(([, count]) => count < 3)).toEqual([]);
    expect(bySuite.size).toBe(19);
    const overSqlite = mutants.filter((mutant) => mutant.target !== 'memory').length;
    expect(overSqlite).toBeGreaterThanOrEqual(Math.floor(mutants.length * 0.5));
  });
});
