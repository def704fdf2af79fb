import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ask, nodeOf } from '../http-server.ts';
import type { Facts, Recipe } from '../recipe.ts';

/** A program of another project, which shares no code with what is tested against it. The same place from source and build. */
const folder = fileURLToPath(new URL('../../../pinecone/', import.meta.url));

const api = '2026-04';
/** How long reads lag behind writes: long enough to be met, and short, since suites wait for it thousands of times. */
const delayMs = 30;

/** The key of an account stands in the URL, as in `https://key@api.pinecone.io`; the stand-in takes any. */
async function probe(url: string): Promise<Facts> {
  const { origin, username } = new URL(url);
  const key = decodeURIComponent(username) || 'any';
  await ask(origin, 'indexes', { 'Api-Key': key, 'X-Pinecone-Api-Version': api });
  return { version: `API ${api}`, nodes: [nodeOf(url)] };
}

/** A stand-in made after the published API: there is no server of the vendor's to be had. */
export const pinecone: Recipe = {
  name: 'pinecone',
  server: 'Pinecone',
  localHow: 'stand-in',
  probe,
  missing: async () => (existsSync(folder) ? undefined : 'the stand-in is not in this checkout'),
  async install() {
    return async ({ port: portOf, spawn, ready }) => {
      const port = await portOf('pinecone');
      const program = ['--conditions=@storage/source', '--import', 'tsx', 'src/main.ts'];
      const args = ['--port', String(port), '--consistency-delay-ms', String(delayMs)];
      spawn(process.execPath, [...program, ...args], { cwd: folder });
      const url = `http://127.0.0.1:${port}`;
      return { url, ...(await ready(() => probe(url))) };
    };
  },
};
