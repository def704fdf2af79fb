import { type Backend, canonicalName, createRegistry, installHint, type Plugin, StorageError } from '@storage/core';

/** The backends that can be loaded by name. Each is an optional peer, so these imports are the only place that names them. */
const packages: { readonly [name: string]: () => Promise<Plugin> } = {
  sqlite: async () => (await import('@storage/sqlite')).sqlitePlugin as Plugin,
};

/** Whether an import failed because the package itself is not there, not something that it needs. */
function isMissingPackage(error: unknown, name: string): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return false;
  return error.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes(`'@storage/${name}'`);
}

async function loadPlugin(name: string): Promise<Plugin> {
  const load = Object.hasOwn(packages, name) ? packages[name] : undefined;
  if (load === undefined) {
    throw new StorageError({
      code: 'not_registered',
      message: `There is no backend '${name}' that could be loaded; there are: ${Object.keys(packages).join(', ')}. Pass others as \`plugins\`.${installHint(name)}`,
      details: { name },
    });
  }
  try {
    return await load();
  } catch (cause) {
    if (!isMissingPackage(cause, name)) throw cause;
    throw new StorageError({
      code: 'not_registered',
      message: `The backend '${name}' is not installed. Run \`npm install @storage/${name}\`.`,
      details: { name, package: `@storage/${name}` },
      cause,
    });
  }
}

/** A backend by name, not yet open. `plugins` win over what is installed. */
export async function loadBackend(name: string, options: unknown, plugins: readonly Plugin[]): Promise<Backend> {
  const given = createRegistry(plugins).find(name);
  const plugin = given ?? (await loadPlugin(canonicalName(name)));
  return plugin.create(options);
}
