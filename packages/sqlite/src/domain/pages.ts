import { decodeCursor, encodeCursor } from '@storage/backend-kit';
import type { Page } from '@storage/core';
import type { SqlValue } from '@storage/sql';

/** Where a page begins, newest first: behind the row of this time or sequence, and this id. */
export interface RowPosition {
  readonly rank: number;
  readonly id: string;
}

/** The position of a cursor, as parameters; none at the start. `invalid_argument` when it is none of this query. */
export function cursorParams(
  query: string,
  cursor: string | undefined,
): readonly [rank: number, id: string] | readonly [] {
  if (cursor === undefined) return [];
  const { key, sort } = decodeCursor(query, cursor);
  return [Number(sort[0]), key];
}

/** The names of a query's filters that are given, and their values, both in the order of the names. */
export function givenFilters(filters: { readonly [column: string]: SqlValue | undefined }): {
  readonly columns: readonly string[];
  readonly values: readonly SqlValue[];
} {
  const given = Object.entries(filters).filter((entry): entry is [string, SqlValue] => entry[1] !== undefined);
  return { columns: given.map(([column]) => column), values: given.map(([, value]) => value) };
}

/** A page out of rows that were asked for with one more than the limit. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  query: string,
  map: (row: Row) => T,
  position: (row: Row) => RowPosition,
): Page<T> {
  if (rows.length <= limit) return { items: rows.map(map) };
  const shown = rows.slice(0, limit);
  const last = shown.at(-1) as Row;
  const { rank, id } = position(last);
  return { items: shown.map(map), cursor: encodeCursor(query, { key: id, sort: [rank] }) };
}
