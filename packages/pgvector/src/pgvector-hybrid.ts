import type { HybridRequest, VectorHit, VectorRead } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';
import { numberedPlaceholders, quoteText, type SqlFragment } from '@storage/sql';
import type { Collection } from './pgvector-collections.ts';
import { rowColumns } from './pgvector-rows.ts';

/** The constant of reciprocal rank fusion, as those who described it first chose it. */
const fusionConstant = 60;
const leastDepth = 100;

/** How deep both rankings go. */
export function rankingDepth(limit: number): number {
  return Math.max(limit, leastDepth);
}

/** What full text search looks at, and what its index is made of. */
export function textVector(language: string): string {
  return `to_tsvector(${quoteText(language)}::regconfig, content)`;
}

/** The documents with any of the words, those with more and rarer ones first. */
export function textRanking(
  { table }: Collection,
  ns: string,
  request: HybridRequest<SqlFragment>,
  language: string,
): { readonly text: string; readonly values: readonly unknown[] } {
  const { text, limit, filter } = request;
  const words = textVector(language);
  // Any of the words: as they come they are asked for all together.
  const query = `replace(plainto_tsquery(${quoteText(language)}::regconfig, $2)::text, ' & ', ' | ')::tsquery`;
  const more = filter === undefined ? '' : ` AND (${numberedPlaceholders(filter.text, 2)})`;
  return {
    text: `SELECT ${rowColumns(request)} FROM ${table}, (SELECT ${query} AS query) AS asked WHERE namespace = $1 AND ${words} @@ query${more} ORDER BY ts_rank(${words}, query, 1) DESC, id LIMIT ${limit}`,
    values: [ns, text, ...(filter?.params ?? [])],
  };
}

/** Fuses two rankings by reciprocal rank. */
export function fuseRankings(
  close: readonly VectorHit[],
  worded: readonly VectorRead[],
  limit: number,
): readonly VectorHit[] {
  const fused = new Map<string, VectorHit>();
  for (const ranking of [close, worded]) {
    for (const [index, row] of ranking.entries()) {
      const before = fused.get(row.id);
      const score = (before?.score ?? 0) + 1 / (fusionConstant + index + 1);
      fused.set(row.id, { distance: undefined, ...row, ...before, score });
    }
  }
  return [...fused.values()].sort((a, b) => b.score - a.score || compareCodePoints(a.id, b.id)).slice(0, limit);
}
