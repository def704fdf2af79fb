import type { Backend } from './backend.ts';
import type { CallOptions } from './call.ts';
import { DataAccess, type ProviderSource } from './data-access.ts';
import { invalidArgument, StorageError } from './errors.ts';
import type { HealthReport } from './health.ts';
import type { Environment } from './plugin.ts';
import { Provider, type ProviderOptions } from './provider.ts';
import { canonicalName, defaultRegistry, installHint, type PluginSource } from './registry.ts';

export interface DataManagerOptions {
  /** Where a name that no provider was registered under is looked up, to be made from the environment. Missing: the default registry. */
  readonly registry?: PluginSource | undefined;
  /** Missing: the process's environment, read when it is needed. */
  readonly env?: Environment | undefined;
}

/** One call on a provider, as it ended. */
export interface ProviderCall {
  readonly provider: string;
  readonly operation: string;
  readonly durationMs: number;
  /** Missing: it went well. */
  readonly error?: unknown;
}

/** Keeps data on providers by their names. Providers open at first use; `close` closes them all. */
export class DataManager extends DataAccess implements AsyncDisposable {
  readonly #providers = new Map<string, Provider>();
  /** Every backend that was ever registered: all are closed with it. */
  readonly #backends = new Set<Backend>();
  readonly #listeners = new Set<(call: ProviderCall) => void>();
  readonly #registry: PluginSource | undefined;
  readonly #env: Environment | undefined;
  /** Where its views (an agent's, a wrapped function's) find providers. */
  readonly source: ProviderSource;

  constructor(options: DataManagerOptions = {}) {
    const source: ProviderSource = {
      provider: async (name, operation, call) => this.#find(name, operation).ready(call),
      run: (provider, operation, work) => this.#run(provider, operation, work),
    };
    super(source);
    this.source = source;
    this.#registry = options.registry;
    this.#env = options.env;
  }

  /** Registers a backend under a name of 1 to 64 letters, digits and `. _ -`. A name that is taken is `already_exists`. */
  registerProvider(name: string, backend: Backend, options: ProviderOptions = {}): this {
    if (!/^[\w.-]{1,64}$/.test(name))
      throw invalidArgument(`provider name '${name}' must have 1 to 64 letters, digits, dots, dashes or underscores.`);
    if (this.#providers.has(name) && options.replace !== true) {
      throw new StorageError({
        code: 'already_exists',
        message: `Provider '${name}' is registered already. Pass { replace: true } to replace it.`,
      });
    }
    this.#add(new Provider(name, backend, options));
    return this;
  }

  /** Providers that are registered, in the order of registration. */
  providers(): readonly Pick<Provider, 'name' | 'kind' | 'backend'>[] {
    return [...this.#providers.values()];
  }

  /** How every provider is now, by its name; opens those that are not open yet. */
  async health(options?: CallOptions): Promise<{ readonly [provider: string]: HealthReport }> {
    const reports = Array.from(
      this.#providers.values(),
      async (provider): Promise<[string, HealthReport]> => [provider.name, await provider.health(options)],
    );
    return Object.fromEntries(await Promise.all(reports));
  }

  /** How one provider is now; `undefined` when there is none of that name and none can be made from the environment. */
  async healthOf(name: string, options?: CallOptions): Promise<HealthReport | undefined> {
    return this.#lookUp(name)?.health(options);
  }

  /** Hears of every call on a provider when it has ended; answers how to stop. */
  observe(listener: (call: ProviderCall) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Closes every provider, and those that were replaced. */
  async close(options?: CallOptions): Promise<void> {
    await Promise.all(Array.from(this.#backends, (backend) => backend.close(options)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #find(name: string, operation: string): Provider {
    const provider = this.#lookUp(name);
    if (provider !== undefined) return provider;
    const names = [...this.#providers.keys()];
    throw new StorageError({
      code: 'not_registered',
      message: `Provider '${name}' not registered; registered: ${names.join(', ') || 'none'}. Call registerProvider('${name}', backend).${installHint(name)}`,
      operation,
      details: { name, registered: names },
    });
  }

  /** By its own name, then by an alias, then made from the environment by a registered plugin. */
  #lookUp(name: string): Provider | undefined {
    const present =
      this.#providers.get(name) ??
      [...this.#providers.values()].find((provider) => canonicalName(provider.name) === canonicalName(name));
    if (present !== undefined) return present;
    const registry = this.#registry ?? defaultRegistry();
    if (registry.find(name) === undefined) return undefined;
    const env = this.#env ?? (globalThis as { process?: { env: Environment } }).process?.env ?? {};
    return this.#add(new Provider(name, registry.createFromEnv(name, env)));
  }

  #add(provider: Provider): Provider {
    this.#providers.set(provider.name, provider);
    this.#backends.add(provider.backend);
    return provider;
  }

  async #run<T>(provider: Provider, operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#listeners.size === 0) return work();
    const start = performance.now();
    let failure: { readonly error: unknown } | undefined;
    try {
      return await work();
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      const call: ProviderCall = {
        provider: provider.name,
        operation,
        durationMs: performance.now() - start,
        ...failure,
      };
      for (const listener of this.#listeners) listener(call);
    }
  }
}

let shared: DataManager | undefined;

/** The process's own DataManager, made at first use. */
export function getDataManager(): DataManager {
  shared ??= new DataManager();
  return shared;
}

/** Closes the process's own DataManager and forgets it. */
export async function resetDataManager(): Promise<void> {
  const closing = shared;
  shared = undefined;
  await closing?.close();
}
