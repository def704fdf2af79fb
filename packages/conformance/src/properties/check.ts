import fc from 'fast-check';
import { fail, isAssertion } from '../assert.ts';
import type { TestContext } from '../context.ts';

export interface CheckOptions {
  /** Which example is the first. */
  readonly path?: string | undefined;
  /** The longest that examples are tried and a failure is shrunk. Missing: 20,000. */
  readonly limitMs?: number | undefined;
}

/**
 * Tries a property with the run's seed. A failure is shrunk, and told with the seed that repeats it; it is an assertion of the
 * kit where one failed, and an error of another kind where a call went wrong in a way that the property did not expect.
 */
export async function checkProperty<T>(
  t: Pick<TestContext, 'seed'>,
  property: fc.IAsyncProperty<T>,
  runs: number,
  { path, limitMs = 20_000 }: CheckOptions = {},
): Promise<void> {
  const details = await fc.check(property, {
    seed: t.seed,
    numRuns: Math.max(1, Math.ceil(runs)),
    ...(path !== undefined && { path }),
    interruptAfterTimeLimit: limitMs,
    markInterruptAsFailure: true,
  });
  if (!details.failed) return;
  const cause = details.errorInstance;
  const counterexample = fc.stringify(details.counterexample);
  const shown = counterexample.length > 4000 ? `${counterexample.slice(0, 4000)}…` : counterexample;
  const why = details.interrupted
    ? `not finished within ${limitMs} ms`
    : cause instanceof Object && 'message' in cause
      ? String(cause.message)
      : String(cause);
  const message = `${why}\nafter ${details.numRuns} examples, shrunk ${details.numShrinks} times to ${shown}\nrepeat it with STORAGE_FUZZ_SEED=${details.seed}`;
  if (details.interrupted || isAssertion(cause)) fail(message);
  throw new Error(message, { cause });
}

/** What a call ended in, as data that can be compared. */
export type Answer<T> = { readonly value: T } | { readonly code: string };

/** How a call ended: its value, or the code of its error. */
export async function answerOf<T>(call: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await call };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : String(error);
}
