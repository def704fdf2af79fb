import {
  assertText,
  childNamespace,
  type Filter,
  invalidArgument,
  StorageError,
  type VectorMatch,
  type VectorReadOptions,
} from '@storage/core';
import type { Call } from './call.ts';
import { type BackendContext, CallGuard } from './context.ts';
import { checkLimit } from './record-plan.ts';
import { checkParts, toMatch } from './vector-collection.ts';
import type { CollectionRow, VectorDriver, VectorHit, VectorParts } from './vector-driver.ts';
import { checkCollectionName, checkFits, encodeVector } from './vector-encode.ts';
import { checkMetadataFilter, onCollection, planVectors } from './vector-search.ts';

/** A hybrid search, checked and encoded. */
export interface HybridRequest<Native> extends VectorParts {
  readonly vector: Float32Array;
  readonly text: string;
  readonly limit: number;
  readonly filter: Native | undefined;
}

/** What a backend implements for hybrid search. */
export interface HybridDriver<Native, Position = string> extends VectorDriver<Native, Position> {
  /** Best first, ties by id. Called only when the filter is exact. */
  searchHybrid(
    collection: CollectionRow,
    ns: string,
    request: HybridRequest<Native>,
    call: Call,
  ): Promise<readonly VectorHit[]>;
}

/** A query as callers hand it in; the words are those of `HybridQuery` in the domain's contract. */
export interface HybridInput<M> {
  readonly vector: ArrayLike<number>;
  readonly text: string;
  readonly limit?: number | undefined;
  readonly filter?: Filter<M> | undefined;
  readonly namespace?: readonly string[] | undefined;
}

/** The facet of hybrid search over a driver. */
export interface HybridFacade {
  search<M extends object>(
    collection: string,
    query: HybridInput<M>,
    options?: VectorReadOptions,
  ): Promise<readonly VectorMatch<M>[]>;
}

function pathOf(namespace: unknown): string {
  if (namespace === undefined) return '';
  if (!Array.isArray(namespace))
    throw invalidArgument('namespace is a list of names, the outermost first.', { path: 'namespace' });
  return (namespace as readonly string[]).reduce(childNamespace, '');
}

/** Hybrid search over a driver. Where a filter is not exact natively it is `unsupported_filter`: rankings can't be mended later. */
export function createHybridSearch<Native, Position>(
  driver: HybridDriver<Native, Position>,
  context: BackendContext,
): HybridFacade {
  const guard = new CallGuard(context);
  const { vectors } = context.capabilities;
  const maxLimit = vectors === false ? 0 : vectors.maxLimit;
  return {
    search: <M extends object>(
      name: string,
      query: HybridInput<M>,
      options?: VectorReadOptions,
    ): Promise<readonly VectorMatch<M>[]> =>
      guard.run('hybridSearch.search', undefined, false, options, () => {
        checkCollectionName(name);
        const vector = encodeVector(query?.vector, 'vector');
        assertText(query.text, 'text');
        const { text } = query;
        const limit = checkLimit(query.limit, 10, maxLimit);
        const parts = checkParts(options, false);
        const checked = checkMetadataFilter(query.filter);
        const ns = pathOf(query.namespace);
        const work = async (collection: CollectionRow, call: Call): Promise<readonly VectorMatch<M>[]> => {
          checkFits(vector, collection, 'vector');
          if (checked.node.kind === 'false') return [];
          const { filter, recheck } = planVectors(driver, collection, checked);
          if (recheck !== undefined)
            throw new StorageError({
              code: 'unsupported_filter',
              message: `${context.name} can't answer this filter natively, and rankings can't be mended later; leave out what is no equality or range of numbers.`,
              details: { backend: context.name },
            });
          const hits = await driver.searchHybrid(collection, ns, { vector, text, limit, filter, ...parts }, call);
          return hits.map((hit) => toMatch<M>(hit, parts.includeMetadata));
        };
        return (call) => onCollection(driver, name, work, call);
      }),
  };
}
