import type { Index } from '@pinecone-database/pinecone';
import type { Call } from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import type { Connection } from './pinecone-client.ts';
import type { IndexFacts } from './pinecone-control.ts';
import { translatePinecone } from './pinecone-errors.ts';
import type { PineconeFilter } from './pinecone-filter.ts';
import { Freshness, indexedLsn, isWritten, writtenLsn } from './pinecone-freshness.ts';
import { defaultNamespace } from './pinecone-names.ts';
import { type EncodedRecord, type FoundRecord, toSend } from './pinecone-records.ts';
import { pause, type Scope } from './pinecone-transport.ts';

/** The vendor's limits of one request. */
export const requestLimits = {
  upsertRecords: 1000,
  upsertBytes: 2_000_000,
  deleteIds: 1000,
  /** A fetch names its ids in the address; those that stand between take no address of any length. */
  fetchIds: 100,
  fetchCharacters: 6000,
  listIds: 100,
} as const;

const firstLookMs = 20;
const longestLookMs = 1000;
/** After how long another's write at about the same time is taken to have come later, in milliseconds. */
const lateMs = 2000;
/** How long a write may stay unseen when the call has no limit of its own, in milliseconds. */
const visibleMs = 60_000;

/** What answers to requests for records have in common. */
interface RecordsAnswer {
  readonly vectors?: { readonly [id: string]: FoundRecord };
  readonly matches?: readonly (FoundRecord & { readonly score?: number })[];
  readonly pagination?: { readonly next?: string };
}

export interface Match extends FoundRecord {
  readonly score: number;
}

export interface Query {
  readonly vector: Float32Array;
  readonly topK: number;
  readonly filter: PineconeFilter | undefined;
  readonly includeValues: boolean;
  readonly includeMetadata: boolean;
}

export interface Slice<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** A vector to ask with where any will do; all zeros are refused. */
export function anyVector(dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  vector[0] = 1;
  return vector;
}

/** The requests to one index. Each is within the vendor's limits if its arguments are. */
export class PineconeIndex {
  readonly facts: IndexFacts;
  readonly freshness: Freshness = new Freshness();
  readonly #connection: Connection;
  readonly #index: Index;

  constructor(connection: Connection, facts: IndexFacts) {
    this.facts = facts;
    this.#connection = connection;
    this.#index = connection.sdk.index({ name: facts.name, host: facts.host });
  }

  async #ask<T>(scope: Scope, work: (index: Index) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.transport.run(scope, () => work(this.#index));
    } catch (error) {
      throw translatePinecone(error, { operation: 'vectors.index', key: undefined, write: scope.write });
    }
  }

  #read<T>(call: Call, work: (index: Index) => Promise<T>): Promise<T> {
    return this.#ask({ call, write: false, repeatable: true }, work);
  }

  /** Reads records: the body of the answer, as the vendor's API has it. */
  async #records(
    call: Call,
    work: (index: Index) => Promise<unknown>,
    onHeaders?: (headers: Headers) => void,
  ): Promise<RecordsAnswer> {
    let answer: RecordsAnswer | undefined;
    const onBody = (body: unknown): void => {
      if (typeof body === 'object' && body !== null) answer = body;
    };
    await this.#ask({ call, write: false, repeatable: true, onHeaders, onBody }, work);
    return answer ?? {};
  }

  /** A write that may be sent twice. Answers its log sequence number. */
  async #write(call: Call, work: (index: Index) => Promise<unknown>): Promise<number | undefined> {
    let lsn: number | undefined;
    const onHeaders = (headers: Headers): void => {
      lsn = writtenLsn(headers);
    };
    await this.#ask({ call, write: true, repeatable: true, onHeaders }, work);
    return lsn;
  }

  async upsert(namespace: string, records: readonly EncodedRecord[], call: Call): Promise<void> {
    const lsn = await this.#write(call, (index) => index.upsert({ records: records.map(toSend), namespace }));
    this.freshness.note(namespace, lsn, { stored: records });
  }

  /** Deletes what is there of these ids. */
  async deleteIds(namespace: string, ids: readonly string[], call: Call): Promise<void> {
    await this.#delete(namespace, call, { deleted: ids }, (index) => index.deleteMany({ ids: [...ids], namespace }));
  }

  async deleteAll(namespace: string, call: Call): Promise<void> {
    await this.#delete(namespace, call, { all: true }, (index) => index.deleteAll({ namespace }));
  }

  /** Deletes a namespace itself, where indexes have such. */
  async dropNamespace(namespace: string, call: Call): Promise<void> {
    if (this.facts.kind === 'pod') return this.deleteAll(namespace, call);
    await this.#delete(namespace, call, { all: true }, (index) => index.deleteNamespace(namespace));
  }

  /** A namespace that is not there has nothing to delete. */
  async #delete(
    namespace: string,
    call: Call,
    what: { readonly deleted?: readonly string[]; readonly all?: true },
    work: (index: Index) => Promise<unknown>,
  ): Promise<void> {
    try {
      this.freshness.note(namespace, await this.#write(call, work), what);
    } catch (error) {
      if (!isStorageError(error, 'not_found') || !(await this.isThere(call))) throw error;
    }
  }

  /** Whether the index still answers. */
  async isThere(call: Call): Promise<boolean> {
    try {
      await this.stats(undefined, call);
      return true;
    } catch (error) {
      if (isStorageError(error, 'not_found')) return false;
      throw error;
    }
  }

  async fetch(namespace: string, ids: readonly string[], call: Call): Promise<ReadonlyMap<string, FoundRecord>> {
    const { vectors = {} } = await this.#records(call, (index) => index.fetch({ ids: [...ids], namespace }));
    return new Map(Object.entries(vectors));
  }

  /** Ids in the order of their bytes. */
  async listIds(namespace: string, token: string | undefined, call: Call): Promise<Slice<string>> {
    const page = { namespace, limit: requestLimits.listIds, ...(token !== undefined && { paginationToken: token }) };
    const { vectors = [], pagination } = await this.#read(call, (index) => index.listPaginated(page));
    return { items: vectors.flatMap(({ id }) => id ?? []), next: pagination?.next || undefined };
  }

  async fetchWhere(
    namespace: string,
    filter: PineconeFilter,
    limit: number,
    token: string | undefined,
    call: Call,
  ): Promise<Slice<FoundRecord>> {
    const page = { namespace, filter, limit, ...(token !== undefined && { paginationToken: token }) };
    const { vectors = {}, pagination } = await this.#records(call, (index) => index.fetchByMetadata(page));
    return { items: Object.values(vectors), next: pagination?.next || undefined };
  }

  async query(namespace: string, query: Query, call: Call, onHeaders?: (headers: Headers) => void): Promise<Match[]> {
    const { vector, topK, filter, includeValues, includeMetadata } = query;
    const options = { vector: Array.from(vector), topK, includeValues, includeMetadata, namespace };
    const asked = filter === undefined ? options : { ...options, filter };
    const { matches = [] } = await this.#records(call, (index) => index.query(asked), onHeaders);
    return matches.map(({ id, values, metadata, score = 0 }) => ({ id, values, metadata, score }));
  }

  /** How many records each namespace has. With a filter on pods only. */
  async stats(filter: PineconeFilter | undefined, call: Call): Promise<ReadonlyMap<string, number>> {
    const { namespaces = {} } = await this.#read(call, (index) =>
      index.describeIndexStats(filter === undefined ? undefined : { filter }),
    );
    return new Map(
      Object.entries(namespaces).map(([name, { recordCount = 0 }]) => [
        name === '' ? defaultNamespace : name,
        recordCount,
      ]),
    );
  }

  /** Makes a namespace, and answers whether this call made it. */
  async createNamespace(namespace: string, call: Call): Promise<boolean> {
    try {
      await this.#ask({ call, write: true, repeatable: false }, (index) => index.createNamespace({ name: namespace }));
      return true;
    } catch (error) {
      if (isStorageError(error, 'already_exists')) return false;
      throw error;
    }
  }

  async hasNamespace(namespace: string, call: Call): Promise<boolean> {
    if (this.facts.kind === 'pod') return (await this.stats(undefined, call)).has(namespace);
    try {
      await this.#read(call, (index) => index.describeNamespace(namespace));
      return true;
    } catch (error) {
      if (isStorageError(error, 'not_found')) return false;
      throw error;
    }
  }

  /** Resolves when reads see what was acknowledged in the namespace before. Bounded by the call, or a minute. */
  async waitVisible(namespace: string, call: Call): Promise<void> {
    const written = this.freshness.of(namespace);
    if (written === undefined) return;
    const { lsn, emptied } = written;
    const start = performance.now();
    for (let lookMs = firstLookMs; ; lookMs = Math.min(longestLookMs, lookMs * 1.5)) {
      const seen =
        (lsn === undefined || (await this.#hasIndexed(namespace, lsn, emptied, call))) &&
        (await this.#hasPending(namespace, written.pending, emptied, performance.now() - start > lateMs, call));
      if (seen) {
        this.freshness.seen(namespace, lsn);
        return;
      }
      const waitedMs = Math.round(performance.now() - start);
      if (call.deadline === undefined && waitedMs > visibleMs)
        throw new StorageError({
          code: 'timeout',
          message: `The write was acknowledged, but reads do not see it after ${waitedMs} ms.`,
          applied: 'unknown',
          details: { waitedMs },
        });
      await pause(lookMs, call);
    }
  }

  async #hasIndexed(namespace: string, lsn: number, emptied: boolean, call: Call): Promise<boolean> {
    let indexed: number | undefined;
    const matches = await this.#look(namespace, call, (headers) => {
      indexed = indexedLsn(headers);
    });
    return indexed === undefined ? emptied && matches.length === 0 : indexed >= lsn;
  }

  #look(namespace: string, call: Call, onHeaders?: (headers: Headers) => void): Promise<Match[]> {
    const vector = anyVector(this.facts.dimension);
    const query = { vector, topK: 1, filter: undefined, includeValues: false, includeMetadata: false };
    return this.query(namespace, query, call, onHeaders);
  }

  /** For indexes that tell no numbers: reads back what was written. */
  async #hasPending(
    namespace: string,
    pending: Map<string, EncodedRecord | undefined>,
    emptied: boolean,
    late: boolean,
    call: Call,
  ): Promise<boolean> {
    if (emptied && pending.size === 0 && this.facts.kind === 'pod')
      return (await this.#look(namespace, call)).length === 0;
    while (pending.size > 0) {
      const ids = fetchable([...pending.keys()].slice(0, requestLimits.fetchIds));
      const found = await this.fetch(namespace, ids, call);
      for (const id of ids) {
        if (!isWritten(found.get(id), pending.get(id), late)) return false;
        pending.delete(id);
      }
    }
    return true;
  }
}

/** As many of the ids as one fetch may name. */
function fetchable(ids: readonly string[]): readonly string[] {
  const [part = []] = idParts(ids);
  return part;
}

/** Ids in parts that one fetch each may name. */
export function idParts(ids: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let part: string[] = [];
  let characters = 0;
  for (const id of ids) {
    const more = encodeURIComponent(id).length + '&ids='.length;
    const full = part.length >= requestLimits.fetchIds || characters + more > requestLimits.fetchCharacters;
    if (part.length > 0 && full) {
      parts.push(part);
      part = [];
      characters = 0;
    }
    part.push(id);
    characters += more;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
