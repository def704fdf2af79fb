import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Mutant, Target } from './mutant.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Where bundles go: below the workspace, so that drivers are found from there. */
export class BundleFolder {
  readonly #folder: string;
  #count = 0;

  constructor() {
    this.#folder = join(root, 'node_modules', '.cache', `storage-mutants-${process.pid}`);
  }

  async make(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The program of a worker, with the kit inside. */
  async worker(): Promise<string> {
    return this.#build({ entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))] }, []);
  }

  /** A backend with its packages, one source of which is patched. */
  async backend(target: Target, mutant: Mutant | undefined): Promise<string> {
    const contents =
      target === 'memory'
        ? "import { createMemory } from '@storage/memory'; export const create = ({ clock }) => createMemory({ clock });"
        : "import { createSqlite } from '@storage/sqlite'; export const create = ({ clock, path }) => createSqlite({ clock, path });";
    const stdin = { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' as const };
    return this.#build({ stdin }, mutant === undefined ? [] : [patch(mutant)]);
  }

  async #build(entry: object, plugins: Plugin[]): Promise<string> {
    const outfile = join(this.#folder, `${this.#count++}.mjs`);
    await build({
      ...entry,
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      conditions: ['@storage/source'],
      external: ['better-sqlite3', 'sqlite-vec', 'fast-check'],
      logLevel: 'silent',
      plugins,
    });
    return outfile;
  }
}

/** The source of a mutant with its patch; fails where the patch does not fit. */
function patched(mutant: Mutant, source: string): string {
  const { id, file, find, replace } = mutant;
  const lines = Math.max(find.split('\n').length, replace.split('\n').length);
  if (lines > 5) throw new Error(`${id}: a patch has at most five lines, not ${lines}.`);
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new Error(`${id}: its text stands ${parts.length - 1} times in ${file}, not once: ${find}`);
  return parts.join(replace);
}

function patch(mutant: Mutant): Plugin {
  const path = join(root, mutant.file);
  return {
    name: mutant.id,
    setup({ onLoad, onEnd }) {
      let loaded = false;
      onLoad({ filter: /\.ts$/ }, async (args) => {
        if (args.path !== path) return undefined;
        loaded = true;
        return { contents: patched(mutant, await readFile(path, 'utf8')), loader: 'ts' };
      });
      onEnd(() => {
        if (!loaded) throw new Error(`${mutant.id}: ${mutant.file} is no part of ${mutant.target}.`);
      });
    },
  };
}
