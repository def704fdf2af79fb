import type { Backend } from './backend.ts';

/** The version of the contracts in this package. A backend made for another is refused. */
export const contractVersion = 1;
export type ContractVersion = typeof contractVersion;

/** Environment variables, as `process.env` has them. */
export type Environment = { readonly [name: string]: string | undefined };

/** Options of every backend, for tests and simulation. */
export interface CommonOptions {
  /** The present, in milliseconds since 1970. Missing: the server's clock where there is one, else this machine's. */
  readonly clock?: (() => number) | undefined;
  /** Makes ids and etags. Missing: random ones. */
  readonly newId?: (() => string) | undefined;
  /** The time a call may take when it does not say. Missing: no limit. */
  readonly defaultTimeoutMs?: number | undefined;
}

/** Options of backends that keep a schema. */
export interface SchemaOptions {
  /** `auto`: brought up to date at `open`. `verify`: `open` fails with `version_mismatch` when it is not. `off`: not looked at. Missing: `auto`. */
  readonly migrate?: 'auto' | 'verify' | 'off' | undefined;
}

/**
 * An inert description of a backend. Importing it opens nothing, reads no environment, starts no timer. `Options` is checked by
 * `create`, which throws `invalid_argument` for what it can't take.
 */
export interface Plugin<Name extends string = string, Options = unknown, B extends Backend = Backend> {
  readonly name: Name;
  readonly contract: ContractVersion;
  /** Options from environment variables; members whose variables are missing are left out. */
  fromEnv(env: Environment): Options;
  /** A backend, not yet open. */
  create(options: Options): B;
}

/** Writes a plugin down with its types inferred. */
export function definePlugin<const Name extends string, Options, B extends Backend>(
  plugin: Plugin<Name, Options, B>,
): Plugin<Name, Options, B> {
  return Object.freeze({ ...plugin });
}
