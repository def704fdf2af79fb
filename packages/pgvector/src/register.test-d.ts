import { defaultRegistry, type VectorStore } from '@storage/core';
import { type HybridSearch, hybridSearchFacet } from '@storage/domain';
import './register.ts';

/** Importing `/register` types the default registry. */
const pgvector = defaultRegistry().create('pgvector', { index: { type: 'ivfflat', lists: 50 }, efSearch: 100 });
export const vectors: VectorStore = pgvector.vectors;
export const hybrid: HybridSearch | undefined = pgvector.facet(hybridSearchFacet);
export const exact: 'on-request' = pgvector.capabilities.vectors.exact;

// @ts-expect-error -- not a type of index
defaultRegistry().create('pgvector', { index: { type: 'flat' } });
// @ts-expect-error -- lists are counted
defaultRegistry().create('pgvector', { index: { lists: '100' } });
