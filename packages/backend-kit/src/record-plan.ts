import { assertText, invalidArgument, type RecordCapabilities, type Selection, type SortKey } from '@storage/core';
import {
  compileEvaluator,
  type FilterNode,
  filterToJson,
  normalizeFilter,
  recordRoots,
  splitPath,
} from '@storage/core/filter';
import { decodeCursor } from './cursor.ts';
import type { Position, RecordDriver, SortTerm } from './record-driver.ts';
import { unsupported } from './record-encode.ts';

const defaultLimit = 100;
export const maxLimit = 1000;
const maxSortTerms = 4;

/** A selection, checked and compiled. */
export interface Plan<Native> {
  /** The filter is constantly false: nothing needs to be asked. */
  readonly never: boolean;
  readonly prefix: string;
  /** Missing: every record. */
  readonly filter: Native | undefined;
  /** Tells the matches among what the native filter lets through. Missing: all are. */
  readonly recheck: ((document: unknown) => boolean) | undefined;
  readonly sort: readonly SortTerm[];
  /** The same for the same question: what cursors are bound to. */
  readonly text: string;
}

/** A page's limit. */
export function checkLimit(limit: unknown, fallback: number = defaultLimit, max: number = maxLimit): number {
  if (limit === undefined) return fallback;
  if (!Number.isInteger(limit) || (limit as number) < 1 || (limit as number) > max) {
    throw invalidArgument(`limit is ${String(limit)}; it must be a whole number from 1 to ${max}.`, { path: 'limit' });
  }
  return limit as number;
}

export function checkPrefix(prefix: unknown): string {
  if (prefix === undefined) return '';
  assertText(prefix, 'prefix');
  return prefix;
}

/** The position of a cursor that may be missing. */
export function positionOf(cursor: string | undefined, text: string): Position | undefined {
  return cursor === undefined ? undefined : decodeCursor(text, cursor);
}

function checkSort(sort: readonly SortKey[] | undefined, capabilities: RecordCapabilities): readonly SortTerm[] {
  if (sort === undefined) return [];
  if (!Array.isArray(sort) || sort.length > maxSortTerms)
    throw invalidArgument(`sort must be a list of at most ${maxSortTerms} { path, direction }.`, { path: 'sort' });
  if (sort.length > 0 && !capabilities.sort) throw unsupported('sorting', 'records.sort');
  return (sort as readonly SortKey[]).map((term, index) => {
    const { path, direction = 'asc' } = term;
    const at = `sort[${index}]`;
    assertText(path, `${at}.path`);
    const keys = splitPath(path);
    if (!recordRoots.includes(keys[0] ?? ''))
      throw invalidArgument(`${at}.path starts with ${recordRoots.join(', ')}; ${JSON.stringify(path)} does not.`, {
        path: at,
      });
    if (direction !== 'asc' && direction !== 'desc')
      throw invalidArgument(`${at}.direction is asc or desc.`, { path: at });
    return { path: keys, descending: direction === 'desc' };
  });
}

const everything: FilterNode = { kind: 'true' };

/** Checks and compiles what narrows a query down. `ns` and the kind of call go into the text, so that cursors do not fit elsewhere. */
export function planSelection<Native>(
  driver: Pick<RecordDriver<Native>, 'compile'>,
  capabilities: RecordCapabilities,
  ns: string,
  selection: Selection<unknown> & { readonly sort?: readonly SortKey[] | undefined },
): Plan<Native> {
  const prefix = checkPrefix(selection.prefix);
  const sort = checkSort(selection.sort, capabilities);
  const filter: unknown = selection.filter;
  const node = filter === undefined ? everything : normalizeFilter(filter, { roots: recordRoots });
  const text = JSON.stringify(['query', ns, prefix, filterToJson(node), sort]);
  const plain = node.kind === 'true' || node.kind === 'false';
  const compiled = plain ? undefined : driver.compile(node);
  return {
    never: node.kind === 'false',
    prefix,
    filter: compiled?.native,
    // The reference reads the filter as the caller wrote it.
    recheck: compiled?.precision === 'superset' ? compileEvaluator(filter as object) : undefined,
    sort,
    text,
  };
}
