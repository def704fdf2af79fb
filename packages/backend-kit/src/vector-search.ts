import { isStorageError, StorageError, type VectorCapabilities } from '@storage/core';
import { compareCodePoints, compileEvaluator, type FilterNode, normalizeFilter } from '@storage/core/filter';
import type { Call } from './call.ts';
import { parseMetadata } from './record-rows.ts';
import type { CollectionRow, VectorDriver, VectorHit, VectorParts, VectorRead } from './vector-driver.ts';
import { collectionMissing } from './vector-encode.ts';

/** A filter of metadata, checked, before the collection is known. */
export interface MetadataFilter {
  readonly node: FilterNode;
  readonly source: object;
}

/** A filter of metadata, compiled for a collection. */
export interface VectorPlan<Native> {
  readonly filter: Native | undefined;
  /** Missing: all that the native filter lets through match. */
  readonly recheck: ((row: VectorRead) => boolean) | undefined;
}

/** `undefined` stands for every document; anything else has to be a filter, null too. */
export function checkMetadataFilter(filter: unknown = {}): MetadataFilter {
  return { node: normalizeFilter(filter), source: filter as object };
}

export function planVectors<Native, Position>(
  driver: VectorDriver<Native, Position>,
  collection: CollectionRow,
  { node, source }: MetadataFilter,
): VectorPlan<Native> {
  if (node.kind === 'true') return { filter: undefined, recheck: undefined };
  const { native, precision } = driver.compile(collection, node);
  if (precision === 'exact') return { filter: native, recheck: undefined };
  const matches = compileEvaluator(source);
  return { filter: native, recheck: (row) => matches(parseMetadata(row.metadata, row.id)) };
}

/** Every row that matches, page by page. */
export async function* matchingVectors<Native, Position>(
  driver: VectorDriver<Native, Position>,
  collection: CollectionRow,
  ns: string,
  { filter, recheck }: VectorPlan<Native>,
  limit: number,
  call: Call,
): AsyncGenerator<readonly VectorRead[], void, undefined> {
  const parts: VectorParts = { includeVectors: false, includeMetadata: recheck !== undefined };
  let after: Position | undefined;
  for (;;) {
    const { rows, next } = await driver.page(collection, ns, { ...parts, after, limit, filter }, call);
    yield recheck === undefined ? rows : rows.filter(recheck);
    if (next === undefined) return;
    after = next;
    call.check();
  }
}

export interface SearchRequest extends VectorParts {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly minScore: number;
  readonly exact: boolean;
}

/**
 * The closest matches. Where the native filter is a superset the engine is asked for more until enough have survived or there
 * are no more; an answer that would have to be short for want of further hits is `scan_limit`.
 */
export async function searchVectors<Native, Position>(
  driver: VectorDriver<Native, Position>,
  collection: CollectionRow,
  ns: string,
  plan: VectorPlan<Native>,
  request: SearchRequest,
  capabilities: VectorCapabilities,
  call: Call,
): Promise<readonly VectorHit[]> {
  const { minScore, ...parts } = {
    ...request,
    includeMetadata: request.includeMetadata || plan.recheck !== undefined,
  };
  const { limit } = request;
  let ask = limit;
  for (;;) {
    const hits = await driver.search(collection, ns, { ...parts, ...plan, limit: ask }, call);
    const found = (plan.recheck === undefined ? hits : hits.filter(plan.recheck)).filter(
      ({ score }) => score >= minScore,
    );
    const exhausted = plan.recheck === undefined || hits.length < ask || (hits.at(-1)?.score ?? minScore) < minScore;
    if (found.length >= limit || exhausted) {
      return [...found].sort((a, b) => b.score - a.score || compareCodePoints(a.id, b.id)).slice(0, limit);
    }
    if (ask >= capabilities.maxLimit) {
      throw new StorageError({
        code: 'scan_limit',
        message: `Fewer than ${limit} of the ${ask} closest documents match, and this engine answers no more; narrow the filter to what it can index, or ask for fewer.`,
        details: { limit, asked: ask },
      });
    }
    call.check();
    ask = Math.min(capabilities.maxLimit, Math.max(ask * 4, 100));
  }
}

/** Runs work on a collection by what is known of it, and once more where that was outdated. */
export async function onCollection<Native, Position, T>(
  driver: VectorDriver<Native, Position>,
  name: string,
  work: (collection: CollectionRow, call: Call) => T | Promise<T>,
  call: Call,
): Promise<T> {
  const known = driver.knownCollection?.(name);
  let outdated: unknown;
  if (known !== undefined) {
    try {
      return await work(known, call);
    } catch (error) {
      if (!isStorageError(error, 'not_found') && !isStorageError(error, 'invalid_argument')) throw error;
      outdated = error;
    }
  }
  const collection = await driver.getCollection(name, call);
  if (collection === undefined) throw collectionMissing(name);
  if (collection === known) throw outdated;
  return work(collection, call);
}
