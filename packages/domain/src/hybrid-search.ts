import {
  type FacetToken,
  type Filter,
  facetToken,
  type JsonObject,
  type VectorMatch,
  type VectorReadOptions,
} from '@storage/core';

export interface HybridQuery<M = JsonObject> {
  /** Ranks by closeness, as `search` does. */
  readonly vector: ArrayLike<number>;
  /** Ranks by its words in the documents' contents, as the engine's full text does. */
  readonly text: string;
  /** 1 to `capabilities.vectors.maxLimit`. Missing: 10. */
  readonly limit?: number | undefined;
  /** Holds for both rankings, exactly. Paths start in the metadata. */
  readonly filter?: Filter<M> | undefined;
  /** Names of namespaces, the outermost first. Missing: the root. */
  readonly namespace?: readonly string[] | undefined;
}

/**
 * Search by meaning and by words at once. Two rankings are made, and fused by reciprocal rank: a document's score is the sum of
 * 1 / (k + rank) over the rankings that it is in, ranks from 1; the backend's README states k and how deep the rankings go.
 * Scores of two backends are not comparable.
 */
export interface HybridSearch {
  /** Best first, equal scores by id. A collection that is not there is `not_found`. */
  search<M extends object = JsonObject>(
    collection: string,
    query: HybridQuery<M>,
    options?: VectorReadOptions,
  ): Promise<readonly VectorMatch<M>[]>;
}

/** Where a vector backend offers hybrid search. */
export const hybridSearchFacet: FacetToken<HybridSearch> = facetToken('hybrid-search/1');
