import { prefixEnd } from '@storage/backend-kit';
import type { FilterLeaf } from '@storage/core/filter';
import { fragment, joinFragments, never, type SqlFragment } from './fragment.ts';

/** A condition on an expression that is a string by code point. Operands that are no strings never match. */
export function stringCondition(text: string, leaf: FilterLeaf, list: string): SqlFragment {
  if (leaf.op === 'exists') return fragment('TRUE');
  if (leaf.op === 'in')
    return anyOf(
      text,
      leaf.value.filter((value) => typeof value === 'string'),
      list,
    );
  if (typeof leaf.value !== 'string') return never;
  if (leaf.op !== 'startsWith') return fragment(`${text} ${comparisons[leaf.op]} ?`, leaf.value);
  const end = prefixEnd(leaf.value);
  if (end === undefined) return fragment(`${text} >= ?`, leaf.value);
  return fragment(`${text} >= ? AND ${text} < ?`, leaf.value, end);
}

/** How many values stand as parameters of their own; statements have no room for any number of them. */
const mostParameters = 200;

/** `text = ?` or `text IN (…)`; of nothing, never. `list`: what makes rows of a JSON array that is the one parameter. */
export function anyOf(text: string, values: readonly (string | number)[], list: string): SqlFragment {
  if (values.length === 0) return never;
  if (values.length === 1) return fragment(`${text} = ?`, ...values);
  if (values.length > mostParameters) return fragment(`${text} IN ${list}`, JSON.stringify(values));
  return fragment(`${text} IN (${values.map(() => '?').join(', ')})`, ...values);
}

export const comparisons = { eq: '=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Any of the parts; of none, never. */
export function joinOrNever(parts: readonly SqlFragment[]): SqlFragment {
  const possible = parts.filter((part) => part !== never);
  return possible.length === 0 ? never : joinFragments('OR', possible);
}
