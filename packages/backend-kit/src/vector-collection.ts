import {
  assertKey,
  assertText,
  type CallOptions,
  childNamespace,
  type Embedder,
  type Filter,
  invalidArgument,
  type JsonObject,
  type SearchQuery,
  type TextInput,
  type TextQuery,
  type UpsertResult,
  type VectorCapabilities,
  type VectorCollection,
  type VectorDocument,
  type VectorInput,
  type VectorIterateOptions,
  type VectorMatch,
  type VectorReadOptions,
  type VectorWriteOptions,
} from '@storage/core';
import type { Call } from './call.ts';
import type { CallGuard } from './context.ts';
import { checkBatch, checkFlag, unsupported } from './record-encode.ts';
import { checkLimit } from './record-plan.ts';
import { parseMetadata } from './record-rows.ts';
import type { CollectionRow, VectorDriver, VectorHit, VectorParts, VectorRead, VectorRow } from './vector-driver.ts';
import {
  checkCollectionName,
  checkFits,
  type DocumentEncoding,
  encodeDocument,
  encodeDocumentHead,
  encodeVector,
} from './vector-encode.ts';
import { checkMetadataFilter, matchingVectors, onCollection, planVectors, searchVectors } from './vector-search.ts';
import { checkDates } from './vector-settings.ts';
import { checkEmbedder, embedTexts } from './vector-texts.ts';

/** How many documents an iteration reads at a time, and a count or delete behind a superset. */
const iterationPage = 200;
const scanPage = 1000;

function toDocument<M>(row: VectorRead, includeMetadata: boolean): VectorDocument<M> {
  const { id, vector, content, createdAt } = row;
  const metadata = parseMetadata(includeMetadata ? row.metadata : '{}', id) as M;
  return {
    id,
    vector: vector === undefined ? [] : Array.from(vector),
    ...(content !== undefined && { content }),
    metadata,
    ...(createdAt !== undefined && { createdAt: new Date(createdAt) }),
  };
}

/** A hit as a caller gets it. */
export function toMatch<M>(hit: VectorHit, includeMetadata: boolean): VectorMatch<M> {
  const { score, distance } = hit;
  return { document: toDocument<M>(hit, includeMetadata), score, ...(distance !== undefined && { distance }) };
}

/** What of documents is asked for; `vectors`: what is meant where nothing is said. */
export function checkParts(options: VectorReadOptions | undefined, vectors: boolean): VectorParts {
  return {
    includeVectors: checkFlag(options?.includeVectors, 'includeVectors', vectors),
    includeMetadata: checkFlag(options?.includeMetadata, 'includeMetadata', true),
  };
}

/** Whether a write waits until reads see it. */
function checkWait(options: VectorWriteOptions | undefined): boolean {
  const { waitFor } = options ?? {};
  if (waitFor !== undefined && waitFor !== 'visible')
    throw invalidArgument("waitFor is 'visible' or left out.", { path: 'waitFor' });
  return waitFor === 'visible';
}

function checkId(id: string): string {
  assertKey(id);
  return id;
}

function checkMinScore(minScore: unknown): number {
  if (minScore === undefined) return Number.NEGATIVE_INFINITY;
  if (typeof minScore !== 'number' || Number.isNaN(minScore))
    throw invalidArgument('minScore must be a number.', { path: 'minScore' });
  return minScore;
}

/** The last of each id: an upsert that names one twice stores the later. */
function lastOfEach(rows: readonly VectorRow[]): readonly VectorRow[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return byId.size === rows.length ? rows : [...byId.values()];
}

/** One namespace of a collection over a driver. */
export class VectorCollectionFacade<Native, Position, M extends object = JsonObject> implements VectorCollection<M> {
  readonly name: string;
  readonly #driver: VectorDriver<Native, Position>;
  readonly #guard: CallGuard;
  readonly #capabilities: VectorCapabilities;
  readonly #path: string;

  constructor(
    driver: VectorDriver<Native, Position>,
    guard: CallGuard,
    capabilities: VectorCapabilities,
    name: string,
    path: string,
  ) {
    this.#driver = driver;
    this.#guard = guard;
    this.#capabilities = capabilities;
    this.name = name;
    this.#path = path;
  }

  /** A call on a collection that is there. `prepare` checks what can be checked without it. */
  #run<T>(
    operation: string,
    write: boolean,
    options: CallOptions | undefined,
    prepare: () => (collection: CollectionRow, call: Call) => T | Promise<T>,
  ): Promise<T> {
    return this.#guard.run(`vectors.${operation}`, undefined, write, options, () => {
      checkCollectionName(this.name);
      const work = prepare();
      return (call) => onCollection(this.#driver, this.name, work, call);
    });
  }

  /** A change of documents, which may wait until reads see it. */
  #change<T>(
    operation: string,
    options: VectorWriteOptions | undefined,
    prepare: () => (collection: CollectionRow, call: Call) => T | Promise<T>,
  ): Promise<T> {
    return this.#run(operation, true, options, () => {
      const waits = checkWait(options) && this.#driver.waitVisible !== undefined;
      const work = prepare();
      if (!waits) return work;
      return async (collection, call) => {
        const done = await work(collection, call);
        await this.#driver.waitVisible?.(collection, this.#path, call);
        return done;
      };
    });
  }

  #encoding(): DocumentEncoding {
    const { newId, clock = Date.now } = this.#guard.context;
    return { newId, now: clock(), capabilities: this.#capabilities };
  }

  async #store(collection: CollectionRow, rows: readonly VectorRow[], call: Call): Promise<UpsertResult> {
    for (const [index, { vector }] of rows.entries()) checkFits(vector, collection, `documents[${index}].vector`);
    checkDates(rows, collection);
    const kept = lastOfEach(rows);
    if (kept.length > 0) await this.#driver.upsert(collection, this.#path, kept, call);
    return { count: kept.length, ids: rows.map(({ id }) => id) };
  }

  upsert(documents: Iterable<VectorInput>, options?: VectorWriteOptions): Promise<UpsertResult> {
    return this.#change('upsert', options, () => {
      const encoding = this.#encoding();
      const rows = checkBatch(documents, 'documents', (document) => encodeDocument(document, encoding));
      return (collection, call) => this.#store(collection, rows, call);
    });
  }

  upsertTexts(
    documents: Iterable<TextInput>,
    options: VectorWriteOptions & { readonly embed: Embedder },
  ): Promise<UpsertResult> {
    return this.#change('upsertTexts', options, () => {
      const embed = checkEmbedder(options?.embed);
      const encoding = this.#encoding();
      const heads = checkBatch(documents, 'documents', (document) => {
        const head = encodeDocumentHead(document, encoding);
        if (head.content === undefined)
          throw invalidArgument('content is missing; upsertTexts makes the vector of it.', { path: 'content' });
        return { ...head, content: head.content };
      });
      return async (collection, call) => {
        const texts = heads.map(({ content }) => content);
        const vectors = await embedTexts(embed, texts, collection, call);
        const rows = heads.map((head, index) => ({ ...head, vector: vectors[index] as Float32Array }));
        return this.#store(collection, rows, call);
      };
    });
  }

  get(ids: Iterable<string>, options?: VectorReadOptions): Promise<readonly (VectorDocument<M> | undefined)[]> {
    return this.#run('get', false, options, () => {
      const list = checkBatch(ids, 'ids', checkId);
      const parts = checkParts(options, true);
      return async (collection, call) => {
        if (list.length === 0) return [];
        const rows = await this.#driver.get(collection, this.#path, list, parts, call);
        return rows.map((row) => (row === undefined ? undefined : toDocument<M>(row, parts.includeMetadata)));
      };
    });
  }

  delete(ids: Iterable<string>, options?: VectorWriteOptions): Promise<number> {
    return this.#change('delete', options, () => {
      const list = [...new Set(checkBatch(ids, 'ids', checkId))];
      return (collection, call) => (list.length === 0 ? 0 : this.#driver.remove(collection, this.#path, list, call));
    });
  }

  deleteWhere(filter: Filter<M>, options?: VectorWriteOptions): Promise<number> {
    return this.#change('deleteWhere', options, () => {
      if (filter === undefined)
        throw invalidArgument('deleteWhere needs a filter; {} deletes every document.', { path: 'filter' });
      const checked = checkMetadataFilter(filter);
      return async (collection, call) => {
        if (checked.node.kind === 'false') return 0;
        const plan = planVectors(this.#driver, collection, checked);
        if (plan.recheck === undefined) return this.#driver.removeWhere(collection, this.#path, plan.filter, call);
        // Never by a superset: the matches are found first, all of them.
        const ids: string[] = [];
        for await (const rows of matchingVectors(this.#driver, collection, this.#path, plan, scanPage, call))
          ids.push(...rows.map(({ id }) => id));
        let deleted = 0;
        for (let start = 0; start < ids.length; start += scanPage) {
          call.check();
          deleted += await this.#driver.remove(collection, this.#path, ids.slice(start, start + scanPage), call);
        }
        return deleted;
      };
    });
  }

  /** A search but for its vector, which may not be there yet. */
  #searching(
    query: Omit<SearchQuery<M>, 'vector'>,
    options: VectorReadOptions | undefined,
  ): (vector: Float32Array, collection: CollectionRow, call: Call) => Promise<readonly VectorMatch<M>[]> {
    const limit = checkLimit(query.limit, 10, this.#capabilities.maxLimit);
    const minScore = checkMinScore(query.minScore);
    const exact = checkFlag(query.exact, 'exact', false);
    if (exact && this.#capabilities.exact === 'never') throw unsupported('exact search', 'vectors.exact');
    const parts = checkParts(options, false);
    const checked = checkMetadataFilter(query.filter);
    return async (vector, collection, call) => {
      checkFits(vector, collection, 'vector');
      if (checked.node.kind === 'false') return [];
      const plan = planVectors(this.#driver, collection, checked);
      const request = { vector, limit, minScore, exact, ...parts };
      const hits = await searchVectors(this.#driver, collection, this.#path, plan, request, this.#capabilities, call);
      return hits.map((hit) => toMatch<M>(hit, parts.includeMetadata));
    };
  }

  search(query: SearchQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]> {
    return this.#run('search', false, options, () => {
      const vector = encodeVector(query?.vector, 'vector');
      const search = this.#searching(query, options);
      return (collection, call) => search(vector, collection, call);
    });
  }

  searchByText(text: string, query: TextQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]> {
    return this.#run('searchByText', false, options, () => {
      assertText(text, 'text');
      const embed = checkEmbedder(query?.embed);
      const search = this.#searching(query, options);
      return async (collection, call) => {
        const [vector] = await embedTexts(embed, [text], collection, call);
        return search(vector as Float32Array, collection, call);
      };
    });
  }

  async *iterate(options?: VectorIterateOptions<M>): AsyncGenerator<VectorDocument<M>, void, undefined> {
    let after: Position | undefined;
    do {
      const page = await this.#run('iterate', false, options, () => {
        const parts = checkParts(options, true);
        const checked = checkMetadataFilter(options?.filter);
        return async (collection, call) => {
          if (checked.node.kind === 'false') return { documents: [], next: undefined };
          const { filter, recheck } = planVectors(this.#driver, collection, checked);
          const includeMetadata = parts.includeMetadata || recheck !== undefined;
          const request = { ...parts, includeMetadata, after, limit: iterationPage, filter };
          const { rows, next } = await this.#driver.page(collection, this.#path, request, call);
          const matches = recheck === undefined ? rows : rows.filter(recheck);
          return { documents: matches.map((row) => toDocument<M>(row, parts.includeMetadata)), next };
        };
      });
      yield* page.documents;
      after = page.next;
    } while (after !== undefined);
  }

  count(filter?: Filter<M>, options?: CallOptions): Promise<number> {
    return this.#run('count', false, options, () => {
      const checked = checkMetadataFilter(filter);
      return async (collection, call) => {
        if (checked.node.kind === 'false') return 0;
        const plan = planVectors(this.#driver, collection, checked);
        if (plan.recheck === undefined) return this.#driver.count(collection, this.#path, plan.filter, call);
        let count = 0;
        for await (const rows of matchingVectors(this.#driver, collection, this.#path, plan, scanPage, call))
          count += rows.length;
        return count;
      };
    });
  }

  namespace(name: string): VectorCollection<M> {
    return new VectorCollectionFacade<Native, Position, M>(
      this.#driver,
      this.#guard,
      this.#capabilities,
      this.name,
      childNamespace(this.#path, name),
    );
  }

  dropNamespace(
    options?: VectorWriteOptions & { readonly recursive?: boolean | undefined },
  ): Promise<{ readonly deleted?: number }> {
    return this.#change('dropNamespace', options, () => {
      const recursive = checkFlag(options?.recursive, 'recursive', false);
      return async (collection, call) => {
        const deleted = await this.#driver.dropNamespace(collection, this.#path, recursive, call);
        return deleted === undefined ? {} : { deleted };
      };
    });
  }
}
