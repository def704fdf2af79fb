import type { Position, SortTerm, SortValue } from '@storage/backend-kit';
import { type Dialect, sortRanks } from './dialect.ts';
import { type FilterTarget, type RecordFilterSql, recordTarget } from './filter.ts';
import { fragment, joinFragments, limitClause, never, paramsOf, type SqlFragment } from './fragment.ts';
import { recordSelection } from './records.ts';

/** A sort term as SQL. */
interface OrderTerm {
  /** What ORDER BY has for it. */
  readonly order: readonly SqlFragment[];
  /** The rows that tie with a value. */
  tied(value: SortValue): SqlFragment;
  /** The rows that come behind a value. */
  behind(value: SortValue): SqlFragment;
}

function columnTerm(column: string, descending: boolean, bind: (value: SortValue) => string | number): OrderTerm {
  return {
    order: [fragment(descending ? `${column} DESC` : column)],
    tied: (value) => fragment(`${column} = ?`, bind(value)),
    behind: (value) => fragment(`${column} ${descending ? '<' : '>'} ?`, bind(value)),
  };
}

/** A path that no record has: all tie, none is behind another. */
const missingTerm: OrderTerm = { order: [], tied: () => fragment('TRUE'), behind: () => never };

function rankOf(value: Exclude<SortValue, undefined>): number {
  if (typeof value === 'boolean') return sortRanks[`${value}`];
  return typeof value === 'number' ? sortRanks.number : sortRanks.string;
}

function jsonTerm(dialect: Dialect, target: FilterTarget & { kind: 'json' }, descending: boolean): OrderTerm {
  const { rank, number, text } = dialect.jsonSort(target.column, target.path);
  const on = ({ text: expression, params }: SqlFragment, suffix: string): SqlFragment =>
    fragment(`${expression}${suffix}`, ...params);
  const compare = (expression: SqlFragment, operator: string, value: string | number): SqlFragment =>
    fragment(`${expression.text} ${operator} ?`, ...expression.params, value);
  const direction = descending ? ' DESC' : '';
  const further = descending ? '<' : '>';
  const both = (value: SortValue, operator: string): SqlFragment | undefined => {
    if (typeof value === 'number') return compare(number, operator, value);
    return typeof value === 'string' ? compare(text, operator, value) : undefined;
  };
  return {
    // Missing comes last in both directions, whatever the engine does with NULL.
    order: [on(rank, ' IS NULL'), on(rank, direction), on(number, direction), on(text, direction)],
    tied: (value) => {
      if (value === undefined) return on(rank, ' IS NULL');
      const same = both(value, '=');
      const ranked = compare(rank, '=', rankOf(value));
      return same === undefined ? ranked : joinFragments('AND', [ranked, same]);
    },
    behind: (value) => {
      if (value === undefined) return never;
      const parts = [on(rank, ' IS NULL'), compare(rank, further, rankOf(value))];
      const within = both(value, further);
      if (within !== undefined) parts.push(joinFragments('AND', [compare(rank, '=', rankOf(value)), within]));
      return joinFragments('OR', parts);
    },
  };
}

function orderTerm(dialect: Dialect, term: SortTerm): OrderTerm {
  const target = recordTarget(term.path);
  switch (target?.kind) {
    case undefined:
      return missingTerm;
    case 'json':
      return jsonTerm(dialect, target, term.descending);
    case 'text':
      return columnTerm(target.column, term.descending, (value) => String(value));
    case 'time':
      return columnTerm(target.column, term.descending, (value) => Date.parse(String(value)));
  }
}

/** The rows behind a position in the order of the terms. */
function behindPosition(terms: readonly OrderTerm[], after: Position): SqlFragment {
  const values: readonly SortValue[] = [...after.sort, after.key];
  const alternatives = terms.map((term, index) => {
    const tied = terms.slice(0, index).map((earlier, i) => earlier.tied(values[i]));
    return joinFragments('AND', [...tied, term.behind(values[index])]);
  });
  return joinFragments('OR', alternatives);
}

export interface RecordPage {
  readonly namespace: string;
  readonly now: number | SqlFragment;
  readonly prefix: string;
  readonly filter: RecordFilterSql | undefined;
  readonly sort: readonly SortTerm[];
  readonly after: Position | undefined;
  /** Ask for one more than is shown: it tells whether there is a next page. */
  readonly limit: number;
}

/** A page of records; `key` must be among the columns. */
export function pageRecords(dialect: Dialect, columns: string, page: RecordPage): SqlFragment {
  const { filter, sort, after, limit } = page;
  const { seek, arms = [undefined] } = filter ?? {};
  // Where an index finds the rows in another order, few are left to be sorted.
  const key = seek === undefined || (seek === 'by key' && sort.length === 0) ? 'key' : dialect.unindexed('key');
  const terms = [...sort.map((term) => orderTerm(dialect, term)), columnTerm(key, false, (value) => String(value))];
  const behind = after === undefined ? undefined : behindPosition(terms, after);
  // Sorted alone, arms that come in order are merged, and stop at the limit; others are sorted together.
  const together = arms.length > 1 && (key !== 'key' || sort.length > 0);
  const selects = arms.map((arm) => {
    const { text, params } = recordSelection({ ...page, filter: arm });
    const condition = behind === undefined ? '' : ` AND (${behind.text})`;
    return {
      text: `SELECT ${together ? '*' : columns} FROM storage_records WHERE ${text}${condition}`,
      params: behind === undefined ? params : [...params, ...behind.params],
    };
  });
  const united = selects.map(({ text }) => text).join(' UNION ALL ');
  const source = together ? `SELECT ${columns} FROM (${united}) AS found` : united;
  const order = terms.flatMap((term) => term.order);
  return {
    text: `${source} ORDER BY ${order.map(({ text }) => text).join(', ')}${limitClause(limit)}`,
    params: paramsOf([...selects, ...order]),
  };
}
