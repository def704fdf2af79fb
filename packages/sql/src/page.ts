import type { Position, SortTerm, SortValue } from '@storage/backend-kit';
import { type Dialect, sortRanks } from './dialect.ts';
import { type FilterTarget, recordTarget } from './filter.ts';
import { fragment, joinFragments, never, type SqlFragment } from './fragment.ts';

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

/** What pages records: the condition that begins a page behind a position, and its order, ties by key. */
export function pageOrder(
  dialect: Dialect,
  sort: readonly SortTerm[],
  after: Position | undefined,
): { readonly condition: SqlFragment | undefined; readonly order: SqlFragment } {
  const key = columnTerm('key', false, (value) => String(value));
  const terms = [...sort.map((term) => orderTerm(dialect, term)), key];
  const orders = terms.flatMap((term) => term.order);
  const order: SqlFragment = {
    text: orders.map((part) => part.text).join(', '),
    params: orders.flatMap((part) => part.params),
  };
  if (after === undefined) return { condition: undefined, order };
  const values: readonly SortValue[] = [...after.sort, after.key];
  const alternatives = terms.map((term, index) => {
    const tied = terms.slice(0, index).map((earlier, i) => earlier.tied(values[i]));
    return joinFragments('AND', [...tied, term.behind(values[index])]);
  });
  return { condition: joinFragments('OR', alternatives), order };
}

/** A page of records; fetches what `limit` says, so ask for one more than is shown. */
export function pageRecords(
  dialect: Dialect,
  columns: string,
  selection: SqlFragment,
  page: { readonly sort: readonly SortTerm[]; readonly after: Position | undefined; readonly limit: number },
): SqlFragment {
  const { condition, order } = pageOrder(dialect, page.sort, page.after);
  const where = condition === undefined ? selection : fragment(`${selection.text} AND (${condition.text})`, ...selection.params, ...condition.params);
  return fragment(
    `SELECT ${columns} FROM storage_records WHERE ${where.text} ORDER BY ${order.text} LIMIT ?`,
    ...where.params,
    ...order.params,
    page.limit,
  );
}
