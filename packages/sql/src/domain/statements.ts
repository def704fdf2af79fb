import type { Dialect } from '../dialect.ts';

/** A JSON column, read as its text. */
export function jsonText(dialect: Dialect, column: string): string {
  return dialect.name === 'postgres' ? `${column}::text AS ${column}` : column;
}

/** A parameter that stands in a list of selected values, where an engine can't tell its type from a column. */
export function typed(dialect: Dialect, type: 'text' | 'json' | 'integer' | 'double'): string {
  if (dialect.name === 'sqlite') return '?';
  return `?::${type === 'text' ? 'text' : dialect[type]}`;
}

/** A limit that is a parameter. SQLite reads a bare one while it plans, and prepares the statement again for every value; it does not look into a sum. */
export const boundLimit = 'LIMIT ? + 0';

/** A page of rows, newest first. */
export interface PageText {
  /** Columns that must equal a parameter each, in this order. */
  readonly equal: readonly string[];
  /** Whether a time from, and a time to, bound the rows; a parameter each. */
  readonly from?: boolean;
  readonly to?: boolean;
  /** Whether the page begins behind a time and an id; a parameter each. */
  readonly after: boolean;
}

/** `SELECT` of a page, newest first. Parameters: tenant, the equal ones, from, to, the time and id to begin behind, the limit. */
export function pageText(table: string, columns: string, timeColumn: string, page: PageText): string {
  const conditions = ['tenant_id = ?', ...page.equal.map((column) => `${column} = ?`)];
  if (page.from) conditions.push(`${timeColumn} >= ?`);
  if (page.to) conditions.push(`${timeColumn} <= ?`);
  if (page.after) conditions.push(`(${timeColumn}, id) < (?, ?)`);
  return `SELECT ${columns} FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${timeColumn} DESC, id DESC ${boundLimit}`;
}
