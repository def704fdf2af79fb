// Exact search in SQLite, over 10,000 vectors of 384 numbers.
import { join } from 'node:path';
import type { VectorCollection } from '@storage/core';
import { createSqlite } from '@storage/sqlite';
import { openRawVectors, type RawVectors } from '../../raw/sqlite-vec.ts';
import type { RawDocument } from '../../raw/vectors.ts';
import { makeVectors } from '../dataset.ts';
import { byCallers, inTurn } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';

const documents = 10_000;
const dimension = 384;
const categories = 10;
const batch = 1000;
const limit = 10;

interface Fixture extends Opened {
  readonly raw: RawVectors;
  readonly ours: VectorCollection<RawDocument['metadata']>;
  readonly queries: readonly Float32Array[];
}

async function open(folder: string): Promise<Fixture> {
  const raw = openRawVectors(join(folder, 'raw.sqlite'), dimension);
  const backend = createSqlite({ path: join(folder, 'ours.sqlite') });
  await backend.open();
  await backend.vectors.createCollection('documents', { dimension, metric: 'cosine' });
  const ours = backend.vectors.collection<RawDocument['metadata']>('documents');
  const vectors = makeVectors(documents, dimension, 1);
  for (let from = 0; from < documents; from += batch) {
    const part = vectors.slice(from, from + batch).map((vector, offset) => ({
      id: `document-${from + offset}`,
      vector,
      content: `The text of document ${from + offset}, about as long as the summary of a page.`,
      metadata: { category: `category-${(from + offset) % categories}` },
    }));
    raw.insert(part);
    await ours.upsert(part);
  }
  return {
    raw,
    ours,
    queries: makeVectors(100, dimension, 2),
    async close() {
      raw.close();
      await backend.close();
    },
  };
}

function assertSame(
  raw: readonly { readonly id: string }[],
  ours: readonly { readonly document: { readonly id: string } }[],
): void {
  const expected = raw.map(({ id }) => id).join(' ');
  const found = ours.map(({ document }) => document.id).join(' ');
  if (found !== expected) throw new Error(`The two sides find different documents:\n${expected}\n${found}`);
}

function search(part: string, about: string, category: string | undefined): Bench<Fixture> {
  return {
    name: `sqlite.vectors.${part}`,
    concurrency: 1,
    goal: 0.9,
    about,
    async sides({ raw, ours, queries }) {
      const queryOf = (index: number): Float32Array => queries[index % queries.length] as Float32Array;
      const filter = category === undefined ? undefined : { category };
      const searchRaw = (index: number) =>
        category === undefined ? raw.search(queryOf(index)) : raw.searchCategory(queryOf(index), category);
      const searchOurs = (index: number) => ours.search({ vector: queryOf(index), limit, filter });
      assertSame(searchRaw(0), await searchOurs(0));
      return { raw: inTurn(searchRaw), ours: byCallers(1, searchOurs) };
    },
  };
}

export const sqliteVectorSuite: Suite = defineSuite(open, [
  search('all', 'the 10 closest of 10,000 vectors of 384 numbers, cosine', undefined),
  search('filtered', 'the 10 closest of the 1,000 that a filter leaves of 10,000', 'category-3'),
]);
