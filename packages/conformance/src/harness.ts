import type { Backend, Capabilities } from '@storage/core';

/** The functions of a test runner: jest's and vitest's (`before: beforeAll`, `after: afterAll`) and those of `node:test` fit. */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>, timeoutMs?: number): unknown;
  before(body: () => Promise<void>): unknown;
  after(body: () => Promise<void>): unknown;
}

/** What the kit asks of a backend that it has made. */
export interface CreateOptions {
  /** The present, in milliseconds since 1970. Given when the harness says `clock: true`; hand it to the backend. */
  readonly clock?: (() => number) | undefined;
}

/** What a backend was tested against: for the report. */
export interface ServerFacts {
  /** The engine's name: `SQLite`. */
  readonly name: string;
  readonly version: string;
  /** `embedded`, `docker`, `local`, `url`, `stand-in`: how the engine was had. */
  readonly how: string;
}

/** Loses and restores the connection between a backend and its server. */
export interface Outage {
  /** From now on the backend reaches nothing. */
  begin(backend: Backend): Promise<void>;
  /** The server can be reached again. */
  end(backend: Backend): Promise<void>;
}

/**
 * How the kit gets at a backend. What is tested follows from the backend's capabilities alone; the members that may be missing
 * are facts about the harness, and a capability that can't be shown without one fails `capabilities/harness-is-complete`.
 */
export interface Harness {
  /** The backend's name in reports: `sqlite`, `my-backend`. */
  readonly name: string;
  /** A fresh backend over a store of its own, empty, not yet open. Called for every test. */
  readonly create: (options: CreateOptions) => Backend | Promise<Backend>;
  readonly server: ServerFacts;
  /** Needed when `create` answers a promise: tests are chosen before anything runs. Missing: read off a backend that `create` makes. */
  readonly capabilities?: Capabilities | undefined;
  /** Another backend over the same store as this one, not yet open. Demanded by `persistent: true` and by messaging of scope `server`. */
  readonly reopen?: ((backend: Backend, options: CreateOptions) => Backend | Promise<Backend>) | undefined;
  /** Called after a test with each backend that `create` made, closed by then: the place to remove its store. */
  readonly destroy?: ((backend: Backend) => void | Promise<void>) | undefined;
  /** `true`: the backend goes by the clock that `create` is given. Missing: expiry is waited for. */
  readonly clock?: boolean | undefined;
  /** Demanded by an `abort` of `client` or `server`: the work is done elsewhere, so it may be out of reach. */
  readonly outage?: Outage | undefined;
  /** Demanded by `consistency: 'eventual'`: resolves when what was written can be read. Called before every read of records; vectors are to be waited for by `waitFor`, and only what another backend wrote, and which collections there are, is settled. */
  readonly settle?: ((backend: Backend) => Promise<void>) | undefined;
}
