import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Harness, runFilterFuzz } from '@storage/conformance';
import type { Backend } from '@storage/core';
import { BundleFolder } from '../src/bundle.ts';
import type { Mutant } from '../src/mutant.ts';
import { mutants } from '../src/mutants/index.ts';

const folder = new BundleFolder();

beforeAll(() => folder.make());
afterAll(() => folder.remove());

/** A harness of a bundle of SQLite, patched or not. */
async function harnessOf(mutant: Mutant | undefined): Promise<Harness> {
  const bundle = (await import(await folder.backend('sqlite', mutant))) as { create(options: object): Backend };
  return {
    name: 'sqlite',
    create: () => bundle.create({ path: ':memory:' }),
    server: { name: 'SQLite', version: 'bundled', how: 'embedded' },
  };
}

function planted(find: string): Mutant {
  const mutant = mutants.find(({ why }) => why.includes(find));
  if (mutant === undefined) throw new Error(`There is no mutant after ${find}.`);
  return mutant;
}

describe('the filter fuzz', () => {
  it('finds nothing in SQLite as it is', async () => {
    const report = await runFilterFuzz({ harness: await harnessOf(undefined), count: 1000, seed: 1 });
    expect(report).toMatchObject({ count: 1000, demanded: 10 });
  }, 60_000);

  it.each([
    ['a $ne that drops missing fields', 'drops the documents without the field', /"\$(ne|nin|not)"/],
    [
      'a { $gt, $lt } that drops one side',
      'drops `$lt`',
      /"\$(gte?|lte?|ne|eq|in|nin|exists|contains|startsWith|not)":.*"\$/,
    ],
  ])(
    'finds %s, and shrinks it',
    async (_name, why, shape) => {
      const run = runFilterFuzz({ harness: await harnessOf(planted(why)), count: 1000, seed: 1 });
      const error = await run.then(
        () => undefined,
        (reason: unknown) => reason as Error,
      );
      expect(error?.message).toMatch(/STORAGE_FUZZ_SEED=\d+/);
      expect(error?.message.split('\n', 1)[0]).toMatch(shape);
      // Shrunk to a filter of one path.
      expect(error?.message).toMatch(/shrunk \d+ times to \[.{1,120}\]\n/);
    },
    60_000,
  );

  it('fails when it proves too little', async () => {
    const run = runFilterFuzz({ harness: await harnessOf(undefined), count: 100, seed: 1, explain: () => 'superset' });
    await expect(run).rejects.toThrow(/compiled as superset, not exact/);
  }, 60_000);
});
