import type { SchemaPart } from '@storage/sql';
import type { SqliteRuntime } from './sqlite-backend.ts';

/** A facet beyond the core's contracts. */
export interface SqliteFacet {
  /** The token's id. */
  readonly id: string;
  /** What the facet keeps its rows in. */
  readonly schema: readonly SchemaPart[];
  /** Made when it is first asked for; nothing may be prepared before the store is open. */
  create(runtime: SqliteRuntime): unknown;
}

/** What `facet()` answers, by id, sorted. */
export const sqliteFacets: readonly SqliteFacet[] = [];
