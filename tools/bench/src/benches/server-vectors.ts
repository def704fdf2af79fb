// Vectors behind a server, over 10,000 of 384 numbers, beside the vendor's own client.
import { randomBytes } from 'node:crypto';
import type { Backend, VectorCollection, VectorStore } from '@storage/core';
import { leaseService, type ServiceName } from '@storage/services';
import type { RawDocument, RawVectors } from '../../raw/vectors.ts';
import { makeEmbeddings } from '../dataset.ts';
import { byCallers } from '../sides.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';

const documents = 10_000;
const dimension = 384;
const categories = 10;
const batch = 1000;
const limit = 10;
/** Whose answers are compared before anything is measured. */
const compared = 20;

/** How both sides of a backend are opened, under names that nobody else has. */
export interface VectorServer {
  readonly service: ServiceName;
  readonly server: string;
  raw(url: string, name: string, dimension: number): Promise<RawVectors>;
  ours(url: string, name: string): OurVectors;
}

/** Our side of a server. */
interface OurVectors {
  readonly backend: Backend & { readonly vectors: VectorStore };
  /** Resolves when the index of a collection has all that was stored. Missing: it always has. */
  settled?(collection: string): Promise<void>;
  /** Removes what is left when the collections are gone. The backend is open still. */
  remove?(): Promise<void>;
}

type Ours = VectorCollection<RawDocument['metadata']>;

interface Place {
  readonly raw: RawVectors;
  readonly ours: Ours;
}

interface Fixture extends Opened {
  /** How many documents there are. */
  readonly count: number;
  /** Full, and only searched. */
  readonly searched: Place;
  /** Empty at first. */
  readonly written: Place;
}

/** Made when the first suite is opened: the list of benches needs none. */
let made: { readonly vectors: readonly Float32Array[]; readonly queries: readonly Float32Array[] } | undefined;

function data(): NonNullable<typeof made> {
  made ??= { vectors: makeEmbeddings(documents, dimension, 1), queries: makeEmbeddings(100, dimension, 2) };
  return made;
}

function documentOf(index: number, count = documents): RawDocument {
  const number = index % count;
  return {
    id: `document-${number}`,
    vector: data().vectors[number] as Float32Array,
    content: `The text of document ${number}, about as long as the summary of a page.`,
    metadata: { category: `category-${number % categories}` },
  };
}

const batchFrom = (from: number, count: number): readonly RawDocument[] =>
  Array.from({ length: Math.min(batch, count) }, (_, offset) => documentOf(from + offset, count));

function queryOf(index: number): Float32Array {
  const { queries } = data();
  return queries[index % queries.length] as Float32Array;
}

async function fill({ raw, ours }: Place, count: number): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const part = batchFrom(from, count);
    await raw.upsertMany(part);
    await ours.upsert(part, from + batch < count ? {} : { waitFor: 'visible' });
  }
  await raw.settled(count);
}

async function open({ service: name, server, raw, ours }: VectorServer, share: number): Promise<Fixture> {
  const service = await leaseService(name);
  if (service.how === 'absent') throw new Error(`${server} is absent here: ${service.why}`);
  const { url } = service;
  const unique = `bench-${randomBytes(4).toString('hex')}`;
  const { backend, settled, remove } = ours(url, unique);
  await backend.open();
  const place = async (part: string): Promise<Place> => {
    await backend.vectors.createCollection(part, { dimension, metric: 'cosine', fields: { category: 'string' } });
    return {
      raw: await raw(url, `${unique}-raw-${part}`, dimension),
      ours: backend.vectors.collection<RawDocument['metadata']>(part),
    };
  };
  const searched = await place('searched');
  const written = await place('written');
  const count = Math.round(documents * share);
  await fill(searched, count);
  await settled?.(searched.ours.name);
  return {
    count,
    searched,
    written,
    async close() {
      for (const each of [searched, written]) {
        await each.raw.close();
        await backend.vectors.deleteCollection(each.ours.name);
      }
      await remove?.();
      await backend.close();
      await service.release();
    },
  };
}

function exactly(query: Float32Array, category: string | undefined, count: number): ReadonlySet<string> {
  const scored = data()
    .vectors.slice(0, count)
    .flatMap((vector, index) => {
      const { id, metadata } = documentOf(index);
      if (category !== undefined && metadata.category !== category) return [];
      let dot = 0;
      let squares = 0;
      for (let at = 0; at < dimension; at++) {
        const value = vector[at] ?? 0;
        dot += value * (query[at] ?? 0);
        squares += value * value;
      }
      return [{ id, score: dot / Math.sqrt(squares) }];
    });
  const best = scored.sort((a, b) => b.score - a.score).slice(0, limit);
  return new Set(best.map(({ id }) => id));
}

/** Both sides have to answer whole, and to find about as many of the closest: an index that looks at less is quicker. */
async function assertAlike({ searched: { raw, ours }, count }: Fixture, category: string | undefined): Promise<void> {
  const found = { raw: 0, ours: 0 };
  for (let index = 0; index < compared; index++) {
    const closest = exactly(queryOf(index), category, count);
    const theirs = await raw.search(queryOf(index), category);
    const own = await ours.search({
      vector: queryOf(index),
      limit,
      filter: category === undefined ? {} : { category },
    });
    if (theirs.length !== limit || own.length !== limit) {
      throw new Error(`Of ${limit}, raw found ${theirs.length} and ours ${own.length}.`);
    }
    found.raw += theirs.filter(({ id }) => closest.has(id)).length;
    found.ours += own.filter(({ document: { id } }) => closest.has(id)).length;
  }
  const of = compared * limit;
  if (Math.abs(found.raw - found.ours) > of / 10) {
    throw new Error(`Of the ${of} closest, raw finds ${found.raw} and ours ${found.ours}: that is not the same work.`);
  }
}

function search(group: string, part: string, about: string, category: string | undefined): Bench<Fixture> {
  return {
    name: `${group}.search${part}`,
    concurrency: 1,
    goal: 0.9,
    about,
    async sides(fixture) {
      await assertAlike(fixture, category);
      const { searched } = fixture;
      const filter = category === undefined ? undefined : { category };
      return {
        raw: byCallers(1, (index) => searched.raw.search(queryOf(index), category)),
        ours: byCallers(1, (index) => searched.ours.search({ vector: queryOf(index), limit, filter })),
      };
    },
  };
}

function upsertMany(group: string): Bench<Fixture> {
  return {
    name: `${group}.upsertMany`,
    concurrency: 1,
    goal: 0.9,
    about: `${batch} documents with vectors of ${dimension} numbers stored; an operation is the whole batch`,
    sides: ({ written: { raw, ours }, count }) => ({
      raw: byCallers(1, (index) => raw.upsertMany(batchFrom(index * batch, count))),
      ours: byCallers(1, (index) => ours.upsert(batchFrom(index * batch, count))),
    }),
  };
}

function upsert(group: string, concurrency: number, goal: number): Bench<Fixture> {
  return {
    name: `${group}.upsert`,
    concurrency,
    goal,
    about: `a document with a vector of ${dimension} numbers stored`,
    sides: ({ written: { raw, ours } }) => ({
      raw: byCallers(concurrency, (index) => raw.upsert(documentOf(index))),
      ours: byCallers(concurrency, (index) => ours.upsert([documentOf(index)])),
    }),
  };
}

/** The benches of one backend. */
export function vectorSuite(group: string, server: VectorServer): Suite {
  return defineSuite(
    (_folder, share) => open(server, share),
    [
      search(group, '', `the ${limit} closest of 10,000 vectors of ${dimension} numbers, cosine`, undefined),
      search(group, '.filtered', `the ${limit} closest of the 1,000 that a filter leaves of 10,000`, 'category-3'),
      upsertMany(group),
      upsert(group, 64, 2),
    ],
  );
}
