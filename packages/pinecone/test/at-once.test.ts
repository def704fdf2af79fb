// Two processes that make the same collections.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import type { PineconeOptions } from '../src/index.ts';
import { freshPrefix } from './harness.ts';
import { Stores } from './stand-in.ts';

/** How long a process may take to load before both begin, in milliseconds. */
const loadingMs = 4000;

/** Has a process make collections, one after another; answers which of them it made. */
async function make(options: PineconeOptions, names: readonly string[], startAt: number): Promise<readonly string[]> {
  const code = `import { createPinecone } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const store = createPinecone(${JSON.stringify(options)});
    await store.open();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ${startAt} - Date.now())));
    const made = [];
    for (const name of ${JSON.stringify(names)})
      await store.vectors.createCollection(name, { dimension: 2 }).then(
        () => made.push(name),
        (error) => { if (error.code !== 'already_exists') throw error; },
      );
    await store.close();
    process.stdout.write(JSON.stringify(made));`;
  const args = ['--conditions=@storage/source', '--import', 'tsx', '--input-type=module', '--eval', code];
  const environment = { env: { ...process.env, NODE_OPTIONS: '' } };
  return JSON.parse((await promisify(execFile)(process.execPath, args, environment)).stdout) as readonly string[];
}

await onService('pinecone', ({ url }) => {
  const stores = new Stores(url);
  const names = ['a', 'b', 'c', 'd', 'e'];

  describe.each<[string, () => PineconeOptions]>([
    ['indexes of their own', () => ({ prefix: freshPrefix() })],
    ['one index', () => ({ indexName: `${freshPrefix()}x` })],
  ])('two processes that make collections in %s', (_name, placeOf) => {
    it('have one winner each time, and both see all of them', async () => {
      const place = placeOf();
      await using store = await stores.open(place);
      const options = { apiKey: 'any', controllerUrl: url, ...place };
      const startAt = Date.now() + loadingMs;
      const made = await Promise.all([make(options, names, startAt), make(options, names, startAt)]);
      expect(made.flat().sort()).toEqual(names);
      expect((await store.vectors.listCollections()).items.map(({ name }) => name)).toEqual(names);
    }, 60_000);
  });
});
