import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createChroma } from '@storage/chroma';
import type { Backend, VectorStore } from '@storage/core';
import { compileEvaluator } from '@storage/core/filter';
import { createPgvector } from '@storage/pgvector';
import { createPinecone } from '@storage/pinecone';
import { createQdrant } from '@storage/qdrant';
import type { ServiceName } from '@storage/services';
import { dropSchemas, onService } from '@storage/services/testing';
import { createSqlite } from '@storage/sqlite';
import {
  copyDocuments,
  differences,
  dimension,
  documentOf,
  filters,
  placeOf,
  places,
  queryOf,
  rank,
} from './move-vectors.ts';

const count = 10_000;
/** Of every ten documents: six in the root, three below, one below that. */
const shares = [6, 3, 1];
const name = 'moved';
const own = `move-${randomBytes(6).toString('hex')}`;

/** The documents of each place. */
const documents = places.map((_, place) => {
  const before = shares.slice(0, place).reduce((sum, share) => sum + share, 0);
  const numbers = Array.from({ length: count }, (_unused, number) => number);
  return numbers
    .filter((number) => number % 10 >= before && number % 10 < before + (shares[place] ?? 0))
    .map(documentOf);
});

function vectorsOf(backend: Backend): VectorStore {
  if (backend.vectors === undefined) throw new Error(`${backend.name} keeps no vectors`);
  return backend.vectors;
}

async function makeCollection(backend: Backend): Promise<void> {
  await vectorsOf(backend).createCollection(name, {
    dimension,
    metric: 'cosine',
    embeddingModel: 'numbers-1',
    fields: { page: 'number', lang: 'string', at: 'date' },
  });
}

/** The first place at which what is found is not what was stored, in words. */
async function checkDocuments(backend: Backend): Promise<void> {
  for (const [place, expected] of documents.entries()) {
    const collection = placeOf(vectorsOf(backend), name, places[place] ?? []);
    expect(await collection.count()).toBe(expected.length);
    for (let start = 0; start < expected.length; start += 1000) {
      const part = expected.slice(start, start + 1000);
      expect(differences(part, await collection.get(part.map(({ id }) => id)))).toEqual([]);
    }
  }
}

/** Searches answer the closest of those that match, by their true scores. */
async function checkSearches(backend: Backend): Promise<void> {
  const exact = backend.capabilities.vectors !== false && backend.capabilities.vectors.exact === 'on-request';
  const always = backend.capabilities.vectors !== false && backend.capabilities.vectors.exact === 'always';
  let found = 0;
  let wanted = 0;
  for (const [place, all] of documents.entries()) {
    const collection = placeOf(vectorsOf(backend), name, places[place] ?? []);
    for (const [number, filter] of filters.entries()) {
      const vector = queryOf(number + place * filters.length);
      const matches = compileEvaluator(filter);
      const ranked = rank(
        vector,
        all.filter(({ metadata }) => matches(JSON.parse(JSON.stringify(metadata)))),
      );
      const truth = new Map(ranked.map(({ id, score }) => [id, score]));
      const answer = await collection.search({ vector, filter, ...(exact && { exact }) });
      const closest = ranked.slice(0, 10);
      expect(answer).toHaveLength(closest.length);
      for (const [index, { document, score }] of answer.entries()) {
        expect(Math.abs(score - (truth.get(document.id) ?? Number.NaN))).toBeLessThan(1e-4);
        if (exact || always) expect(Math.abs(score - (closest[index]?.score ?? Number.NaN))).toBeLessThan(2e-4);
      }
      const worst = (closest.at(-1)?.score ?? 0) - 1e-4;
      found += answer.filter(({ score }) => score >= worst).length;
      wanted += closest.length;
    }
  }
  expect(found / wanted).toBeGreaterThanOrEqual(0.95);
}

interface Station {
  readonly service: ServiceName;
  readonly open: (url: string) => Backend;
  /** Removes what deleting the collection leaves. */
  readonly clean?: (url: string) => Promise<void>;
}

const schema = own.replaceAll('-', '_');

const stations: readonly Station[] = [
  {
    service: 'postgres',
    open: (url) => createPgvector({ connectionString: url, schema }),
    clean: (url) => dropSchemas(url, [schema]),
  },
  { service: 'qdrant', open: (url) => createQdrant({ url, prefix: `${own}-` }) },
  {
    service: 'chroma',
    open: (url) => createChroma({ url, database: own }),
    clean: async (url) => {
      await fetch(`${url}/api/v2/tenants/default_tenant/databases/${own}`, { method: 'DELETE' });
    },
  },
  {
    service: 'pinecone',
    open: (url) => createPinecone({ apiKey: 'any', controllerUrl: url, prefix: `${own.slice(0, 15)}-` }),
  },
];

/** The servers, one within the other; where one is absent its test says so, and there is no journey. */
async function onServices(
  [station, ...rest]: readonly Station[],
  urls: readonly string[],
  body: (urls: readonly string[]) => void,
): Promise<void> {
  if (station === undefined) return body(urls);
  await onService(station.service, (service) => onServices(rest, [...urls, service.url], body));
}

await onServices(stations, [], (urls) => {
  describe('10,000 vectors, moved through every backend', () => {
    let from: Backend;

    beforeAll(async () => {
      from = createSqlite({ path: ':memory:' });
      await from.open();
      await makeCollection(from);
      for (const [place, list] of documents.entries())
        await placeOf(vectorsOf(from), name, places[place] ?? []).upsert(list);
    }, 60_000);
    afterAll(async () => {
      await vectorsOf(from).deleteCollection(name);
      await from.close();
      for (const [index, { clean }] of stations.entries()) await clean?.(urls[index] ?? '');
    });

    /** Copies everything to the next backend; what it came from is emptied, so that nothing is answered from there. */
    async function moveTo(to: Backend): Promise<void> {
      await to.open();
      await makeCollection(to);
      for (const [place, names] of places.entries()) {
        const [source, target] = [placeOf(vectorsOf(from), name, names), placeOf(vectorsOf(to), name, names)];
        expect(await copyDocuments(source, target)).toBe(documents[place]?.length);
      }
      await vectorsOf(from).deleteCollection(name);
      await from.close();
      from = to;
    }

    it('are as they were made', async () => {
      await checkDocuments(from);
      await checkSearches(from);
    }, 60_000);

    it.each([
      ...stations.map(({ service, open }, index) => [service, () => open(urls[index] ?? '')] as const),
      ['sqlite', () => createSqlite({ path: ':memory:' })] as const,
    ])(
      'are the same in %s, and found by the same scores',
      async (_service, open) => {
        await moveTo(open());
        await checkDocuments(from);
        await checkSearches(from);
      },
      180_000,
    );
  });
});
