/** A backend that is broken on purpose, and the test that must tell. */
export interface Mutant {
  readonly id: string;
  /** Which backend runs the patched source. `sqlite-file`: SQLite in a file, where that matters. */
  readonly target: Target;
  /** The source that is patched, from the workspace's root. */
  readonly file: string;
  /** Text that stands in the source exactly once, of five lines at most, and what stands there instead. */
  readonly find: string;
  readonly replace: string;
  /** The test that must fail, on its assertion. */
  readonly test: string;
  /** Suites other than that test's in which tests may fail too. */
  readonly alsoFails?: readonly string[];
  /** The bug of a real library that this one is after. */
  readonly why: string;
}

const targetNames = ['memory', 'sqlite', 'sqlite-file'] as const;
export type Target = (typeof targetNames)[number];

/** What a worker is asked: run the kit on the backend of this module. */
export interface Job {
  readonly module: string;
  readonly target: Target;
  readonly seed: number;
  /** How many examples each property is tried with. */
  readonly runs: number;
  /** Only tests that make random choices. */
  readonly randomOnly: boolean;
}

export interface Failure {
  readonly id: string;
  readonly assertion: boolean;
  readonly message: string;
}

/** What a worker answers. */
export interface JobResult {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly durationMs: number;
}
