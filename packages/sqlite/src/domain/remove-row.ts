import { lostCondition } from '@storage/domain';
import type { SqlValue } from '@storage/sql';
import type { DomainConnection } from './domain-host.ts';

/** The row to remove: `params` name it in both statements; `match` is the etag that it must have. */
export interface RowToRemove {
  readonly key: string;
  readonly params: readonly SqlValue[];
  readonly match: string | undefined;
  /** Asked only when nothing was removed: a row that is there has another etag. */
  readonly exists: () => boolean;
}

/** Removes a row and answers whether it was there; one that is there with another etag is a lost condition. */
export function removeRow(
  connection: DomainConnection,
  texts: { readonly remove: string; readonly removeMatching: string },
  { key, params, match, exists }: RowToRemove,
): boolean {
  const { changes } =
    match === undefined
      ? connection.prepare(texts.remove).run(...params)
      : connection.prepare(texts.removeMatching).run(...params, match);
  if (changes === 0 && match !== undefined && exists()) throw lostCondition(key);
  return changes > 0;
}
