import type { Backend } from './backend.ts';
import { invalidArgument, StorageError } from './errors.ts';
import { contractVersion, type Environment, type Plugin } from './plugin.ts';

/** Other names under which a plugin is asked for. */
const aliases: { readonly [name: string]: string } = {
  postgresql: 'postgres',
  pg: 'postgres',
  sqlite3: 'sqlite',
  file_system: 'filesystem',
  mongodb: 'mongo',
  chromadb: 'chroma',
  pg_vector: 'pgvector',
};
const known = 'memory filesystem sqlite postgres mongo redis s3 pgvector qdrant chroma pinecone neo4j'.split(' ');

/** The plugin's own name for a name or one of its aliases. */
export function canonicalName(name: string): string {
  return Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
}

/** What to install and call so that a name is there; `''` for names that no package of this family has. */
export function installHint(name: string): string {
  const own = canonicalName(name);
  return known.includes(own)
    ? ` Run \`npm install @storage/${own}\` and register its \`${own}Plugin\`, or import '@storage/${own}/register'.`
    : '';
}

/** Where the plugins are not known by type, any of them. */
type PluginOf<P extends Plugin, Name> = string extends P['name'] ? P : Extract<P, { readonly name: Name }>;
type BackendOf<P> = P extends Plugin<string, infer _Options, infer B> ? B : Backend;
type OptionsOf<P> = P extends Plugin<string, infer Options, Backend> ? Options : unknown;

/** What a DataManager asks of a registry, whatever it is typed by. */
export interface PluginSource {
  /** The plugin of that name or alias; `undefined` when there is none. */
  find(name: string): Plugin | undefined;
  /** A backend of the options that the plugin reads from the environment, not yet open. An unknown name is `not_registered`, listing what is registered and what to install. */
  createFromEnv(name: string, env: Environment): Backend;
}

/** Plugins by name. Its types come from the plugin values themselves. */
export interface Registry<P extends Plugin = Plugin> extends PluginSource {
  /** Registers a plugin and answers this registry, typed with it. A name that is taken is `already_exists` unless `replace`; a contract of another version is `version_mismatch`. */
  use<Q extends Plugin>(plugin: Q, options?: { readonly replace?: boolean }): Registry<P | Q>;
  /** A backend of the plugin's options, not yet open. An unknown name is `not_registered`, listing what is registered and what to install. */
  create<Name extends P['name']>(name: Name, options: OptionsOf<PluginOf<P, Name>>): BackendOf<PluginOf<P, Name>>;
  /** Names that are registered, in code point order. */
  names(): readonly string[];
}

class PluginRegistry implements Registry {
  readonly #plugins = new Map<string, Plugin>();

  use(plugin: Plugin, options: { readonly replace?: boolean } = {}): never {
    const name: unknown = plugin?.name;
    if (typeof name !== 'string' || typeof plugin.create !== 'function') {
      throw invalidArgument(
        'use() takes a plugin: an object with name, contract, fromEnv and create, such as `sqlitePlugin`.',
      );
    }
    if (plugin.contract !== contractVersion) {
      throw new StorageError({
        code: 'version_mismatch',
        message: `Plugin '${name}' is made for contract ${plugin.contract}, @storage/core has contract ${contractVersion}. Install the same major version of @storage/core and @storage/${name}.`,
        details: { plugin: name, contract: plugin.contract, expected: contractVersion },
      });
    }
    const present = this.#plugins.get(name);
    if (present !== undefined && present !== plugin && options.replace !== true) {
      throw new StorageError({
        code: 'already_exists',
        message: `Plugin '${name}' is registered already. Pass { replace: true } to replace it.`,
        details: { plugin: name },
      });
    }
    this.#plugins.set(name, plugin);
    return this as never;
  }

  find(name: string): Plugin | undefined {
    return this.#plugins.get(name) ?? this.#plugins.get(canonicalName(name));
  }

  create(name: string, options: unknown): never {
    return this.#get(name).create(options) as never;
  }

  createFromEnv(name: string, env: Environment): Backend {
    const plugin = this.#get(name);
    return plugin.create(plugin.fromEnv(env));
  }

  names(): readonly string[] {
    return [...this.#plugins.keys()].sort();
  }

  #get(name: string): Plugin {
    const plugin = this.find(name);
    if (plugin !== undefined) return plugin;
    const names = this.names();
    throw new StorageError({
      code: 'not_registered',
      message: `Plugin '${name}' is not registered; registered: ${names.join(', ') || 'none'}.${installHint(name)}`,
      details: { name, registered: names },
    });
  }
}

/** A registry with these plugins. */
export function createRegistry<const P extends readonly Plugin[] = readonly []>(plugins?: P): Registry<P[number]> {
  const registry: Registry = new PluginRegistry();
  for (const plugin of plugins ?? []) registry.use(plugin);
  return registry as unknown as Registry<P[number]>;
}

/** The plugins of the default registry, by name. Each package's `/register` entry adds its own by declaration merging. */
// biome-ignore lint/suspicious/noEmptyInterface: empty until a `/register` entry is imported
export interface DefaultPlugins {}

/** What the default registry is typed by: the plugins whose `/register` is imported; any plugin where none is. */
export type DefaultPlugin = [keyof DefaultPlugins] extends [never] ? Plugin : DefaultPlugins[keyof DefaultPlugins];

/** The registry that `import '@storage/<name>/register'` adds to: one a process, shared by every copy of this package. */
export function defaultRegistry(): Registry<DefaultPlugin> {
  const home = globalThis as { [key: symbol]: Registry | undefined };
  const key = Symbol.for('@storage/registry/1');
  home[key] ??= new PluginRegistry();
  return home[key] as unknown as Registry<DefaultPlugin>;
}
