import {
  assertKey,
  type CallOptions,
  childNamespace,
  type Filter,
  invalidArgument,
  type JsonObject,
  type SearchQuery,
  type VectorCapabilities,
  type VectorCollection,
  type VectorDocument,
  type VectorInput,
  type VectorIterateOptions,
  type VectorMatch,
  type VectorReadOptions,
} from '@storage/core';
import type { Call } from './call.ts';
import type { CallGuard } from './context.ts';
import { checkBatch, checkFlag, unsupported } from './record-encode.ts';
import { checkLimit } from './record-plan.ts';
import { parseMetadata } from './record-rows.ts';
import type { CollectionRow, VectorDriver, VectorHit, VectorRead, VectorRow } from './vector-driver.ts';
import { checkCollectionName, checkFits, collectionMissing, encodeDocument, encodeVector } from './vector-encode.ts';
import { checkMetadataFilter, matchingVectors, planVectors, searchVectors } from './vector-search.ts';

/** How many documents an iteration reads at a time, and a count or delete behind a superset. */
const iterationPage = 200;
const scanPage = 1000;

function toDocument<M>(row: VectorRead): VectorDocument<M> {
  const { id, vector, content } = row;
  const metadata = parseMetadata(row.metadata, id) as M;
  return {
    id,
    vector: vector === undefined ? [] : Array.from(vector),
    ...(content !== undefined && { content }),
    metadata,
  };
}

function toMatch<M>(hit: VectorHit): VectorMatch<M> {
  const { score, distance } = hit;
  return { document: toDocument<M>(hit), score, ...(distance !== undefined && { distance }) };
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
export class VectorCollectionFacade<Native, M extends object = JsonObject> implements VectorCollection<M> {
  readonly name: string;
  readonly #driver: VectorDriver<Native>;
  readonly #guard: CallGuard;
  readonly #capabilities: VectorCapabilities;
  readonly #path: string;

  constructor(
    driver: VectorDriver<Native>,
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
      return async (call) => {
        const collection = await this.#driver.getCollection(this.name, call);
        if (collection === undefined) throw collectionMissing(this.name);
        return work(collection, call);
      };
    });
  }

  upsert(documents: Iterable<VectorInput>, options?: CallOptions): Promise<readonly string[]> {
    return this.#run('upsert', true, options, () => {
      const rows = checkBatch(documents, 'documents', (document) =>
        encodeDocument(document, this.#guard.context.newId),
      );
      return async (collection, call) => {
        for (const [index, { vector }] of rows.entries()) checkFits(vector, collection, `documents[${index}].vector`);
        if (rows.length > 0) await this.#driver.upsert(collection, this.#path, lastOfEach(rows), call);
        return rows.map(({ id }) => id);
      };
    });
  }

  get(ids: Iterable<string>, options?: VectorReadOptions): Promise<readonly (VectorDocument<M> | undefined)[]> {
    return this.#run('get', false, options, () => {
      const list = checkBatch(ids, 'ids', checkId);
      const includeVectors = checkFlag(options?.includeVectors, 'includeVectors', true);
      return async (collection, call) => {
        if (list.length === 0) return [];
        const rows = await this.#driver.get(collection, this.#path, list, includeVectors, call);
        return rows.map((row) => (row === undefined ? undefined : toDocument<M>(row)));
      };
    });
  }

  delete(ids: Iterable<string>, options?: CallOptions): Promise<number> {
    return this.#run('delete', true, options, () => {
      const list = [...new Set(checkBatch(ids, 'ids', checkId))];
      return (collection, call) => (list.length === 0 ? 0 : this.#driver.remove(collection, this.#path, list, call));
    });
  }

  deleteWhere(filter: Filter<M>, options?: CallOptions): Promise<number> {
    return this.#run('deleteWhere', true, options, () => {
      if (filter === undefined)
        throw invalidArgument('deleteWhere needs a filter; {} deletes every document.', { path: 'filter' });
      const checked = checkMetadataFilter(filter);
      return async (collection, call) => {
        if (checked.node.kind === 'false') return 0;
        const plan = planVectors(this.#driver, collection, checked);
        if (plan.recheck === undefined) return this.#driver.removeWhere(collection, this.#path, plan.filter, call);
        // Never by a superset: the matches are found first, all of them.
        const ids: string[] = [];
        for await (const rows of matchingVectors(this.#driver, collection, this.#path, plan, false, scanPage, call))
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

  search(query: SearchQuery<M>, options?: VectorReadOptions): Promise<readonly VectorMatch<M>[]> {
    return this.#run('search', false, options, () => {
      const vector = encodeVector(query?.vector, 'vector');
      const limit = checkLimit(query.limit, 10, this.#capabilities.maxLimit);
      const minScore = checkMinScore(query.minScore);
      const exact = checkFlag(query.exact, 'exact', false);
      if (exact && this.#capabilities.exact === 'never') throw unsupported('exact search', 'vectors.exact');
      const includeVectors = checkFlag(options?.includeVectors, 'includeVectors', false);
      const checked = checkMetadataFilter(query.filter);
      return async (collection, call) => {
        checkFits(vector, collection, 'vector');
        if (checked.node.kind === 'false') return [];
        const plan = planVectors(this.#driver, collection, checked);
        const request = { vector, limit, minScore, exact, includeVectors };
        return (await searchVectors(this.#driver, collection, this.#path, plan, request, this.#capabilities, call)).map(
          toMatch<M>,
        );
      };
    });
  }

  async *iterate(options?: VectorIterateOptions<M>): AsyncGenerator<VectorDocument<M>, void, undefined> {
    let after: string | undefined;
    do {
      const page = await this.#run('iterate', false, options, () => {
        const includeVectors = checkFlag(options?.includeVectors, 'includeVectors', true);
        const checked = checkMetadataFilter(options?.filter);
        return async (collection, call) => {
          if (checked.node.kind === 'false') return { documents: [], next: undefined };
          const { filter, recheck } = planVectors(this.#driver, collection, checked);
          const { rows, more } = await this.#driver.page(
            collection,
            this.#path,
            { after, limit: iterationPage, filter, includeVectors },
            call,
          );
          const matches = recheck === undefined ? rows : rows.filter(recheck);
          return { documents: matches.map(toDocument<M>), next: more ? rows.at(-1)?.id : undefined };
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
        for await (const rows of matchingVectors(this.#driver, collection, this.#path, plan, false, scanPage, call))
          count += rows.length;
        return count;
      };
    });
  }

  namespace(name: string): VectorCollection<M> {
    return new VectorCollectionFacade<Native, M>(
      this.#driver,
      this.#guard,
      this.#capabilities,
      this.name,
      childNamespace(this.#path, name),
    );
  }

  dropNamespace(
    options?: CallOptions & { readonly recursive?: boolean | undefined },
  ): Promise<{ readonly deleted?: number }> {
    return this.#run('dropNamespace', true, options, () => {
      const recursive = checkFlag(options?.recursive, 'recursive', false);
      return async (collection, call) => {
        const deleted = await this.#driver.dropNamespace(collection, this.#path, recursive, call);
        return deleted === undefined ? {} : { deleted };
      };
    });
  }
}
