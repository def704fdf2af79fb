import type { Capabilities } from '@storage/core';
import type { TestContext } from './context.ts';

/** One promise of the contract and the proof of it. */
export interface ConformanceTest {
  /** Suite and test, stable over versions: `records/store-replaces-metadata`. */
  readonly id: string;
  /** The promise, as a sentence. */
  readonly title: string;
  /** Whether a backend of these capabilities makes the promise. */
  readonly applies: (capabilities: Capabilities) => boolean;
  /** The longest that it may take. Missing: as every other. */
  readonly limitMs?: number | undefined;
  readonly run: (t: TestContext) => Promise<void>;
}

/** The tests of one contract. */
export interface Suite {
  readonly name: string;
  readonly tests: readonly ConformanceTest[];
}

type Applies = (capabilities: Capabilities) => boolean;
type Body = (t: TestContext) => Promise<void>;

/** Adds a test to a suite that is being written. */
export interface AddTest {
  (id: string, title: string, run: Body): void;
  (id: string, title: string, applies: Applies, run: Body): void;
}

/** Writes a suite down. `applies` holds for each of its tests, beside the test's own, and so does `limitMs`. */
export function defineSuite(
  name: string,
  applies: Applies,
  write: (test: AddTest) => void,
  limitMs?: number | undefined,
): Suite {
  const tests: ConformanceTest[] = [];
  const add = (id: string, title: string, second: Applies | Body, third?: Body): void => {
    const own = third === undefined ? () => true : (second as Applies);
    const run = third ?? (second as Body);
    tests.push({
      id: `${name}/${id}`,
      title,
      applies: (capabilities) => applies(capabilities) && own(capabilities),
      limitMs,
      run,
    });
  };
  write(add);
  return { name, tests };
}
