import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cache } from './recipe.ts';

/**
 * Where everything lies that is not of one clone: `cache` (what is installed), `run` (a folder for each daemon that runs), `logs`
 * (of what failed).
 */
function home(): string {
  return process.env['STORAGE_SERVICES_HOME'] || join(tmpdir(), `storage-services-${userInfo().uid}`);
}

/** A folder of the home, made when it is missing. Servers that run as another user have to get into it. */
export async function homeFolder(name: string): Promise<string> {
  const folder = join(home(), name);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await chmod(home(), 0o755);
  const owner = process.getuid?.();
  if (owner !== undefined && (await stat(home())).uid !== owner) {
    throw new Error(`${home()} belongs to another user; set STORAGE_SERVICES_HOME to a folder of yours.`);
  }
  await chmod(folder, 0o755);
  return folder;
}

const alreadyThere = new Set(['EEXIST', 'ENOTEMPTY', 'EPERM']);

/** Gives a filled folder its name; `false` when there is one of that name already. */
export async function claim(filled: string, name: string): Promise<boolean> {
  try {
    await rename(filled, name);
    return true;
  } catch (error) {
    const taken = (await readdir(name).catch(() => [])).length > 0;
    if (taken && alreadyThere.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** A new folder, filled by `fill`; removed when that fails. */
export async function filledFolder(parent: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = await mkdtemp(join(parent, '.new-'));
  try {
    await chmod(folder, 0o755);
    await fill(folder);
    return folder;
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** What is being built in this process: several servers may need the same. */
const building = new Map<string, Promise<string>>();

export function createCache(progress: (text: string) => void): Cache {
  const provide = async (name: string, build: (folder: string) => Promise<void>): Promise<string> => {
    const cache = await homeFolder('cache');
    const folder = join(cache, name);
    if ((await readdir(folder).catch(() => [])).length > 0) return folder;
    progress('installing');
    const filled = await filledFolder(cache, async (empty) => {
      await build(empty);
      await writeFile(join(empty, '.storage-services'), `${name}\n`);
    });
    // Another process was quicker: its folder is as good.
    if (!(await claim(filled, folder))) await removeFolder(filled);
    return folder;
  };
  return {
    progress,
    folder(name, build) {
      const provided = building.get(name) ?? provide(name, build).finally(() => building.delete(name));
      building.set(name, provided);
      return provided;
    },
  };
}

/**
 * Tells programs of another state of this package apart: each gets a daemon of its own. Of the sources, which lie beside what is
 * built from them, and of all programs that they start.
 */
export function fingerprint(): string {
  known ??= hashSources();
  return known;
}

let known: string | undefined;

const sources = ['../src/', '../java/', '../python/', '../../pinecone/src/'];

function hashSources(): string {
  const hash = createHash('sha256');
  for (const source of sources) {
    const folder = fileURLToPath(new URL(source, import.meta.url));
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.(ts|java|py)$/.test(file)) hash.update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 8);
}
