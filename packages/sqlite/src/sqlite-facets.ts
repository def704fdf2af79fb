import type { SchemaPart } from '@storage/sql';
import { domainFacets } from './domain/index.ts';
import type { SqliteRuntime } from './sqlite-backend.ts';

/** A facet beyond the core's contracts. */
export interface SqliteFacet {
  /** The token's id. */
  readonly id: string;
  /** What the facet keeps its rows in. */
  readonly schema: readonly SchemaPart[];
  /** Made when it is first asked for; nothing may be prepared before the store is open. */
  create(runtime: SqliteRuntime): unknown;
  /** Writes down what a store that was made still keeps to itself; called when the backend is about to close. */
  flush?(store: unknown): void;
}

/** What `facet()` answers, by id, sorted. */
export const sqliteFacets: readonly SqliteFacet[] = domainFacets;
