import { createHash } from 'node:crypto';
import { invalidArgument, type Page } from '@storage/core';
import type { SqlValue } from '@storage/sql';

/** Where a page begins: behind this row. */
export type Position = readonly (string | number)[];

function checksum(query: string, text: string): string {
  return createHash('sha256').update(query).update('\0').update(text).digest('base64url').slice(0, 12);
}

/** A cursor that is good for one query alone. */
export function encodeCursor(query: string, position: Position): string {
  const text = Buffer.from(JSON.stringify(position)).toString('base64url');
  return `${checksum(query, text)}${text}`;
}

/** The position of a cursor; `invalid_argument` when it is none of this query. */
export function decodeCursor(query: string, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const text = cursor.slice(12);
  if (checksum(query, text) !== cursor.slice(0, 12)) {
    throw invalidArgument(
      'cursor is not one of this query; pass the cursor of the page before, with the same filters.',
      { path: 'cursor' },
    );
  }
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as Position;
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
  position: (row: Row) => Position,
): Page<T> {
  if (rows.length <= limit) return { items: rows.map(map) };
  const shown = rows.slice(0, limit);
  const last = shown.at(-1) as Row;
  return { items: shown.map(map), cursor: encodeCursor(query, position(last)) };
}
