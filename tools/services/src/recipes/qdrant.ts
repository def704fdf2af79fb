import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, nodeOf } from '../http-server.ts';
import { missingForWheels, openToAll, pinned, pipInstall } from '../install.ts';
import type { Facts, Recipe } from '../recipe.ts';

/** The same place from the source and from what is built of it. */
const face = fileURLToPath(new URL('../../python/qdrant_face', import.meta.url));

/** Behind the face the version tells the engine's too: `1.18.3, engine qdrant-edge-py 0.7.2`. */
async function probe(url: string): Promise<Facts> {
  const { title, version, commit } = (await (await ask(url, '')).json()) as Record<string, string | undefined>;
  if (title?.startsWith('qdrant') !== true) throw new Error(`The server there calls itself ${title}.`);
  const engine = commit?.startsWith('qdrant-edge') === true ? `, engine ${commit}` : '';
  return { version: `${version}${engine}`, nodes: [nodeOf(url)] };
}

function qdrantRecipe(definition: Pick<Recipe, 'name' | 'server' | 'docker'>, wheel: string): Recipe {
  return {
    ...definition,
    localHow: 'engine-only',
    probe,
    missing: missingForWheels,
    async install(cache) {
      const folder = await cache.folder(pinned('qdrant', wheel), async (empty) => {
        await pipInstall(empty, [wheel], { platforms: ['manylinux_2_28_x86_64'], python: '3.10', abis: ['abi3'] });
        await openToAll(empty);
      });
      return async ({ data, durable, port: portOf, spawn, ready }) => {
        const port = await portOf('qdrant');
        const options = ['--port', String(port), '--path', join(data, 'db'), ...(durable ? ['--durable'] : [])];
        spawn('python3', [face, ...options], { env: { PYTHONPATH: folder } });
        const url = `http://127.0.0.1:${port}`;
        return { url, ...(await ready(() => probe(url))) };
      };
    },
  };
}

/** The engine of Qdrant 1.18, or, from Docker, that server. */
export const qdrant: Recipe = qdrantRecipe(
  {
    name: 'qdrant',
    server: 'Qdrant',
    docker: { services: ['qdrant'], url: async (port) => `http://127.0.0.1:${await port('qdrant', 6333)}` },
  },
  'qdrant-edge-py==0.7.2 --hash=sha256:f2ecd4cbe6dedfa408b933bfe28917d9274cdfa58243d32ca3c390cd3b1c721e',
);

/** The engine after that, which answers some filters otherwise. */
export const qdrantNext: Recipe = qdrantRecipe(
  { name: 'qdrant-next', server: 'Qdrant (next)' },
  'qdrant-edge-py==0.9.0 --hash=sha256:7bc734ea493d1f92e6b8af74bc68c4f903b2ca90593f899cd1b998cd12744da4',
);
