import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCache } from '../home.ts';
import { ask, nodeOf } from '../http-server.ts';
import { missingForWheels, openToAll, pinned, pipInstall } from '../install.ts';
import type { Cache, Facts, Recipe } from '../recipe.ts';

const release = '1.5.9';

// The server is one extension module of the wheel; nothing of what the wheel depends on is needed for it.
const wheel = `chromadb==${release} --hash=sha256:cc09b3df76e5a5cb386aed2715a2eea152e3949f9e1ba93c7119505377749929`;

const program = 'import sys, chromadb_rust_bindings as chroma; chroma.cli(["chroma", "run", sys.argv[1]])';

/** What it calls its version is that of its API, which is older than the release. */
async function probe(url: string): Promise<Facts> {
  await ask(url, 'api/v2/healthcheck');
  const version: unknown = await (await ask(url, 'api/v2/version')).json();
  return { version: `API ${String(version)}`, nodes: [nodeOf(url)] };
}

function unpackWheel(cache: Cache): Promise<string> {
  return cache.folder(pinned('chroma', wheel), async (empty) => {
    await pipInstall(empty, [wheel], { platforms: ['manylinux_2_17_x86_64'], python: '3.9', abis: ['abi3'] });
    await openToAll(empty);
  });
}

/**
 * The folder that, as `PYTHONPATH`, gives Python its `chromadb_rust_bindings`: for tests of what starts a Chroma by itself.
 * `undefined`: it can't be had here.
 */
export async function chromaPythonPath(): Promise<string | undefined> {
  return (await missingForWheels()) === undefined ? await unpackWheel(createCache(() => undefined)) : undefined;
}

/** The real Chroma, of one node. */
export const chroma: Recipe = {
  name: 'chroma',
  server: 'Chroma',
  probe,
  docker: { services: ['chroma'], url: async (port) => `http://127.0.0.1:${await port('chroma', 8000)}` },
  missing: missingForWheels,
  async install(cache) {
    const folder = await unpackWheel(cache);
    return async ({ data, port: portOf, spawn, ready }) => {
      const port = await portOf('chroma');
      const configuration = join(data, 'chroma.yaml');
      const settings = { port, listen_address: '127.0.0.1', persist_path: join(data, 'db'), allow_reset: true };
      // JSON is YAML.
      await writeFile(configuration, JSON.stringify(settings));
      spawn('python3', ['-c', program, configuration], { env: { PYTHONPATH: folder } });
      const url = `http://127.0.0.1:${port}`;
      return { url, ...(await ready(() => probe(url))), version: release };
    };
  },
};
