import type { VectorParts } from '@storage/backend-kit';
import { numberedPlaceholders, paramsOf, type SqlFragment } from '@storage/sql';
import type { Collection } from './pgvector-collections.ts';
import type { Extension } from './pgvector-extension.ts';
import type { PgvectorSettings } from './pgvector-options.ts';
import { rowColumns } from './pgvector-rows.ts';

/** A statement of a search but for its first two parameters, the vector and the namespace. */
export interface SearchText {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface SearchTextRequest extends VectorParts {
  readonly limit: number;
  readonly filter: SqlFragment | undefined;
}

const mostCandidates = 1000;
const leastProbes = 10;
const defaultRescore = { full: 1, half: 4, binary: 40 } as const;

/** Fragments behind `before` parameters. */
function filterText(filter: SqlFragment | undefined, before: number): SearchText {
  if (filter === undefined) return { text: '', values: [] };
  return { text: ` AND (${numberedPlaceholders(filter.text, before)})`, values: paramsOf([filter]) };
}

/** Every document that matches, measured. No index orders by a sum. */
export function exactText({ table, measure }: Collection, request: SearchTextRequest): SearchText {
  const filter = filterText(request.filter, 2);
  return {
    text: `SELECT ${rowColumns(request)}, (${measure.distance}) + 0 AS distance FROM ${table} WHERE namespace = $2${filter.text} ORDER BY distance, id LIMIT ${request.limit}`,
    values: filter.values,
  };
}

/**
 * By the index where there is one. What it finds goes on until there are enough (`iterative_scan`), which is set within the
 * statement: so it holds on any connection, and for this statement alone.
 */
export function indexedText(
  { table, measure, spec }: Collection,
  request: SearchTextRequest,
  { efSearch, probes, rescore }: PgvectorSettings,
  { sortsBehindIndex }: Extension,
): SearchText {
  const { limit } = request;
  const { kind, distance, order } = measure;
  const filter = filterText(request.filter, 3);
  const candidates = Math.min(10_000, limit * (rescore ?? defaultRescore[kind]));
  const reach =
    spec.type === 'hnsw'
      ? Math.min(mostCandidates, Math.max(efSearch, candidates))
      : Math.min(spec.lists, probes ?? Math.max(leastProbes, Math.ceil(Math.sqrt(spec.lists))));
  const setting = spec.type === 'hnsw' ? 'hnsw.ef_search' : 'ivfflat.probes';
  // In a strict order what comes too late is dropped: with a filter a quarter of the closest was missed. The facade sorts.
  const set = `(SELECT pg_catalog.set_config('${setting}', $3, true) || pg_catalog.set_config('${spec.type}.iterative_scan', 'relaxed_order', true)) IS NOT NULL`;
  const where = `WHERE namespace = $2 AND ${set}${filter.text}`;
  const values = [String(reach), ...filter.values];
  const columns = rowColumns(request);
  if (kind === 'full') {
    const ties = sortsBehindIndex ? ', id' : '';
    return {
      text: `SELECT ${columns}, ${distance} AS distance FROM ${table} ${where} ORDER BY distance${ties} LIMIT ${limit}`,
      values,
    };
  }
  return {
    text: `SELECT ${columns}, ${distance} AS distance FROM (SELECT id, content, metadata, created_at, embedding FROM ${table} ${where} ORDER BY ${order} LIMIT ${candidates}) AS found ORDER BY distance, id LIMIT ${limit}`,
    values,
  };
}
