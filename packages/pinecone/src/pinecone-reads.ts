import {
  type Call,
  scoreOf,
  type VectorHit,
  type VectorPage,
  type VectorPageRequest,
  type VectorRead,
  type VectorSearch,
} from '@storage/backend-kit';
import { isStorageError, type Metric, StorageError } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import { everything, type PineconeFilter } from './pinecone-filter.ts';
import { anyVector, idParts, type Match, type PineconeIndex, type Slice } from './pinecone-index.ts';
import { decodeRecord, type FoundRecord, keyOf, maxRecordMetadata } from './pinecone-records.ts';

/** The most matches of one query. */
export const maxTopK = 10_000;
/** What the answer to a query or a filtered fetch may be, in bytes. */
const maxResultBytes = 4 * 1000 * 1000;
/** Over this, metadata and vectors are fetched behind the query that found them. */
const maxWholeMatches = 1000;
/** The most records of a filtered fetch. */
const maxFetched = 2000;
/** About what a number of a vector takes in an answer. */
const bytesOfNumber = 12;
const fetchesAtOnce = 4;
const maxAttempts = 3;

/** Where a page ends: a token of the vendor's, and how many records come next; or the ids that are left. */
export type PagePosition =
  | { readonly token: string; readonly limit: number }
  | { readonly ids: readonly string[]; readonly token?: undefined };

/** All of the records that are there, however many ids there are. */
export async function fetchAll(
  index: PineconeIndex,
  place: string,
  ids: readonly string[],
  call: Call,
): Promise<ReadonlyMap<string, FoundRecord>> {
  const parts = idParts(ids);
  const found = new Map<string, FoundRecord>();
  for (let start = 0; start < parts.length; start += fetchesAtOnce) {
    const some = parts.slice(start, start + fetchesAtOnce).map((part) => index.fetch(place, part, call));
    for (const records of await Promise.all(some)) for (const [id, record] of records) found.set(id, record);
  }
  return found;
}

function rowsOf(
  ids: readonly string[],
  found: ReadonlyMap<string, FoundRecord>,
  includeVectors: boolean,
): readonly VectorRead[] {
  return ids.flatMap((id) => {
    const record = found.get(id);
    return record === undefined ? [] : [decodeRecord(record, includeVectors)];
  });
}

/** The next documents that match, in the order in which Pinecone pages. */
export async function nextPage(
  index: PineconeIndex,
  place: string,
  request: VectorPageRequest<PineconeFilter, PagePosition>,
  call: Call,
): Promise<VectorPage<PagePosition>> {
  if (index.facts.kind === 'pod') return nextOfPod(index, place, request, call);
  return request.filter === undefined
    ? nextListed(index, place, request, call)
    : nextFetched(index, place, request, request.filter, call);
}

/** Without a filter: ids are listed, then fetched. */
async function nextListed(
  index: PineconeIndex,
  place: string,
  { after, includeVectors }: VectorPageRequest<PineconeFilter, PagePosition>,
  call: Call,
): Promise<VectorPage<PagePosition>> {
  const { items, next } = await index.listIds(place, after?.token, call);
  const rows = rowsOf(items, await fetchAll(index, place, items, call), includeVectors);
  return { rows, next: next === undefined ? undefined : { token: next, limit: 0 } };
}

/** How many records a filtered fetch asks for before it is known how large they are. */
function firstFetch({ facts: { dimension } }: PineconeIndex): number {
  return Math.max(1, Math.min(maxFetched, Math.floor(maxResultBytes / (dimension * bytesOfNumber + 2000))));
}

/** With a filter: records are fetched by it, as many at a time as the vendor's limit of an answer has room for. */
async function nextFetched(
  index: PineconeIndex,
  place: string,
  { after, limit, includeVectors }: VectorPageRequest<PineconeFilter, PagePosition>,
  filter: PineconeFilter,
  call: Call,
): Promise<VectorPage<PagePosition>> {
  const asked = Math.min(limit, after?.token === undefined ? firstFetch(index) : after.limit);
  const { items, next, room } = await fetchSome(index, place, filter, asked, after?.token, call);
  const rows = items.map((record) => decodeRecord(record, includeVectors));
  return next === undefined ? { rows } : { rows, next: { token: next, limit: room } };
}

function sizeOf({ id, values = [], metadata }: FoundRecord): number {
  return id.length + values.length * bytesOfNumber + Buffer.byteLength(JSON.stringify(metadata ?? {}));
}

interface Fetched extends Slice<FoundRecord> {
  /** How many may be asked for next. */
  readonly room: number;
}

/** A fetch by filter; one whose answer would be too large is asked for half as much. */
async function fetchSome(
  index: PineconeIndex,
  place: string,
  filter: PineconeFilter,
  limit: number,
  token: string | undefined,
  call: Call,
): Promise<Fetched> {
  for (let asked = limit; ; asked = Math.ceil(asked / 2)) {
    try {
      const slice = await index.fetchWhere(place, filter, asked, token, call);
      // Those to come may be larger than a few of these.
      const sample = slice.items.slice(0, 50).reduce((most, record) => Math.max(most, sizeOf(record)), 1);
      return { ...slice, room: Math.max(1, Math.min(maxFetched, Math.floor(maxResultBytes / 1.5 / sample))) };
    } catch (error) {
      if (asked === 1 || !isRefused(error)) throw error;
    }
  }
}

function isRefused(error: unknown): boolean {
  return isStorageError(error, 'invalid_argument') || isStorageError(error, 'too_large');
}

/** Pods have no list: a query for as many as there may be finds all ids, then these are fetched. */
async function nextOfPod(
  index: PineconeIndex,
  place: string,
  { after, limit, filter, includeVectors }: VectorPageRequest<PineconeFilter, PagePosition>,
  call: Call,
): Promise<VectorPage<PagePosition>> {
  const ids = after?.token === undefined ? (after?.ids ?? (await podIds(index, place, filter, call))) : [];
  const some = ids.slice(0, limit);
  const rows = rowsOf(some, await fetchAll(index, place, some, call), includeVectors);
  return ids.length > limit ? { rows, next: { ids: ids.slice(limit) } } : { rows };
}

async function podIds(
  index: PineconeIndex,
  place: string,
  filter: PineconeFilter | undefined,
  call: Call,
): Promise<readonly string[]> {
  const query = { topK: maxTopK, filter, includeValues: false, includeMetadata: false };
  const matches = await index.query(place, { ...query, vector: anyVector(index.facts.dimension) }, call);
  if (matches.length < maxTopK) return matches.map(({ id }) => id);
  throw new StorageError({
    code: 'scan_limit',
    message: `Pod indexes can't list their records, and a query finds ${maxTopK} at most; narrow the filter, use more namespaces, or move to a serverless index.`,
    details: { limit: maxTopK },
  });
}

/** The contract's score from the vendor's: a squared distance under euclidean. */
function toScore(metric: Metric, score: number): { readonly score: number; readonly distance: number | undefined } {
  switch (metric) {
    case 'cosine':
      return { score: Math.min(1, Math.max(-1, score)), distance: undefined };
    case 'euclidean':
      return { score: -Math.sqrt(Math.max(0, score)), distance: score };
    default:
      return { score, distance: undefined };
  }
}

/** What the index finds closest, best first. */
export async function searchClosest(
  index: PineconeIndex,
  place: string,
  search: VectorSearch<PineconeFilter>,
  call: Call,
): Promise<readonly VectorHit[]> {
  const { limit, includeVectors } = search;
  const { metric, dimension } = index.facts;
  const largest = maxRecordMetadata + (includeVectors ? dimension * 22 : 0);
  const toHits = (matches: readonly Match[]): readonly VectorHit[] =>
    matches.map((match) => ({ ...decodeRecord(match, includeVectors), ...toScore(metric, match.score) })).sort(closer);
  if (limit <= maxWholeMatches) {
    try {
      return toHits(await queryWhole(index, place, search, true, call));
    } catch (error) {
      // So many large records are too much for one answer; smaller answers are refused for what was asked.
      if (limit * largest <= maxResultBytes || !isRefused(error)) throw error;
    }
  }
  for (let attempt = 1; ; attempt++) {
    const matches = await queryWhole(index, place, search, false, call);
    const ids = matches.map(({ id }) => id);
    const found = await fetchAll(index, place, ids, call);
    // What was deleted between query and fetch would make the answer short.
    if (found.size < matches.length && attempt < maxAttempts) continue;
    return toHits(matches.flatMap((match) => ({ ...match, ...found.get(match.id) })).filter(({ id }) => found.has(id)));
  }
}

function queryWhole(
  index: PineconeIndex,
  place: string,
  { vector, limit, filter, includeVectors }: VectorSearch<PineconeFilter>,
  whole: boolean,
  call: Call,
): Promise<readonly Match[]> {
  const query = { vector, topK: limit, filter, includeValues: whole && includeVectors, includeMetadata: whole };
  return index.query(place, query, call);
}

function closer(a: VectorHit, b: VectorHit): number {
  return b.score - a.score || compareCodePoints(a.id, b.id);
}

/** The records that match, or more where the filter is a superset, page by page, with their vectors. */
async function* allRecords(
  index: PineconeIndex,
  place: string,
  filter: PineconeFilter | undefined,
  call: Call,
): AsyncGenerator<Iterable<FoundRecord>, void, undefined> {
  if (index.facts.kind === 'pod') {
    const ids = await podIds(index, place, filter, call);
    yield (await fetchAll(index, place, ids, call)).values();
    return;
  }
  let token: string | undefined;
  let limit = firstFetch(index);
  do {
    const { items, next, room } = await fetchSome(index, place, filter ?? everything, limit, token, call);
    yield items;
    token = next;
    limit = room;
  } while (token !== undefined);
}

/** The closest of all that match, each read and scored here: exact, and as dear as it sounds. */
export async function searchExactly(
  index: PineconeIndex,
  place: string,
  { vector, limit, filter, recheck, includeVectors }: VectorSearch<PineconeFilter>,
  scanLimit: number,
  call: Call,
): Promise<readonly VectorHit[]> {
  const { metric } = index.facts;
  const scored: { readonly record: FoundRecord; readonly id: string; readonly score: number }[] = [];
  for await (const records of allRecords(index, place, filter, call)) {
    call.check();
    for (const record of records) {
      const score = scoreOf(metric, vector, Float32Array.from(record.values ?? []));
      const { values, ...rest } = record;
      scored.push({ record: includeVectors ? record : rest, id: keyOf(record), score });
    }
    if (scored.length > scanLimit) throw tooManyToScan(scanLimit);
  }
  scored.sort((a, b) => b.score - a.score || compareCodePoints(a.id, b.id));
  const hits: VectorHit[] = [];
  for (const { record, score } of scored) {
    if (hits.length === limit) break;
    const row = decodeRecord(record, includeVectors);
    if (recheck === undefined || recheck(row)) hits.push({ ...row, score, distance: undefined });
  }
  return hits;
}

function tooManyToScan(limit: number): StorageError {
  return new StorageError({
    code: 'scan_limit',
    message: `An exact search reads every document that may match, and more than ${limit} do; narrow the filter, raise \`scanLimit\`, or leave exact out.`,
    details: { limit },
  });
}
