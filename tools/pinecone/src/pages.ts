import { invalid } from './errors.ts';

/** A page of names in the order of their bytes, and the token of the page after it, if there is one. */
export interface Page {
  readonly names: readonly string[];
  readonly pagination: { readonly next: string } | undefined;
}

/** The number in a query string; the published default where it is missing. */
export function pageLimit(limit: string | number | undefined, maximum: number): number {
  const count = limit === undefined ? 100 : Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > maximum) {
    throw invalid(`limit must be an integer from 1 to ${maximum}, got ${limit}`);
  }
  return count;
}

/** The names after the one that the token stands for. `names` is in the order of its bytes. */
export function page(names: readonly string[], limit: number, token: string | undefined): Page {
  let start = 0;
  if (token !== undefined && token !== '') {
    const after = Buffer.from(token, 'base64url').toString('utf8');
    if (Buffer.from(after).toString('base64url') !== token) throw invalid('Invalid pagination token');
    start = names.findIndex((name) => name > after);
    if (start === -1) start = names.length;
  }
  const taken = names.slice(start, start + limit);
  const last = taken.at(-1);
  const more = last !== undefined && start + limit < names.length;
  return { names: taken, pagination: more ? { next: Buffer.from(last).toString('base64url') } : undefined };
}
