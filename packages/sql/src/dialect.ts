import type { FilterLeaf } from '@storage/core/filter';
import type { SqlFragment } from './fragment.ts';

/** A value as drivers bind it. */
export type SqlValue = string | number | Uint8Array | null;

/** What differs between the SQL engines; everything else in this package is written once. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** The type of short texts that are compared and sorted byte for byte, which for UTF-8 is by code point. */
  readonly text: string;
  /** The type of JSON documents. */
  readonly json: string;
  readonly bytes: string;
  /** 64-bit integers: times in milliseconds, sizes. */
  readonly integer: string;
  readonly double: string;
  /** A primary key that the engine counts up. */
  readonly identity: string;
  /** The content of a record as columns: of `data`, `bytes` and `stream`, whichever there is. */
  readonly content: string;
  /** What follows a table's column list when its rows live in the primary key. */
  readonly clusteredTable: string;
  /** The present in milliseconds, by the engine's clock. */
  readonly now: string;
  /**
   * How an upsert tells the `created_at` that it kept or set: SQLite by a function of the connection that sees the kept value
   * (`storage_kept`, a fifth cheaper than RETURNING), PostgreSQL by RETURNING.
   */
  kept(expression: string): string;
  readonly returning: string;
  /** A trigger that runs a statement after rows of a table changed. `event` as in SQL, `when` over OLD and NEW. */
  trigger(trigger: { name: string; table: string; event: string; when: string; statement: string }): readonly string[];
  /** Rows of a JSON array of texts that is a parameter. */
  readonly list: string;
  /** Text with `?` for parameters, as the engine writes them. */
  placeholders(text: string): string;
  /** A condition on a path inside a JSON column; true, false or NULL, where NULL means false. */
  jsonLeaf(column: string, leaf: FilterLeaf): SqlFragment;
  /** What a path inside a JSON column is sorted by. */
  jsonSort(column: string, path: readonly string[]): JsonSort;
  /** The parts of a leaf that indexes serve each for itself; no row satisfies two. `undefined`: the leaf is one part. */
  jsonArms(column: string, leaf: FilterLeaf): readonly SqlFragment[] | undefined;
  /** The indexes that serve a path inside a JSON column; `undefined` where none can be built. */
  jsonIndexes(column: string, path: readonly string[]): readonly IndexBody[] | undefined;
  /** A name of an index as the engine takes it: some cut long ones without a word. */
  indexName(name: string): string;
  /** A column, so written that the engine looks for another index than the column's. */
  unindexed(column: string): string;
}

/** Two expressions that sort a JSON value: its type's rank (`sortRanks`, `NULL` for what counts as missing), then the value. */
export interface JsonSort {
  readonly rank: SqlFragment;
  /** Numbers in numeric order, strings by code point; comparable only among rows of one rank, NULL for booleans. */
  readonly number: SqlFragment;
  readonly text: SqlFragment;
}

/** What stands in an index beside the namespace. */
export interface IndexBody {
  /** Tells the indexes of one field apart. */
  readonly suffix: string;
  readonly columns: readonly string[];
  /** Only the rows for which this holds. */
  readonly where?: string;
  /** The engine's word for another kind of index, in which the namespace does not stand. */
  readonly using?: string;
}

/** Order of the types that are sorted by. */
export const sortRanks = { false: 0, true: 1, number: 2, string: 3 } as const;

/** `?` becomes `$1`, `$2`, …, or what follows `before` parameters that are there already; quoted names and literals are left alone. */
export function numberedPlaceholders(text: string, before: number = 0): string {
  let count = before;
  return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?/g, (token) => (token === '?' ? `$${++count}` : token));
}
