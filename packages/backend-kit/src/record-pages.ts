import { StorageError, type StoredRecord } from '@storage/core';
import { sortKeyOf, valueAt } from '@storage/core/filter';
import type { Call } from './call.ts';
import type { Position, RecordDriver, SortTerm } from './record-driver.ts';
import { maxLimit, type Plan } from './record-plan.ts';
import { toDocument, toRecord } from './record-rows.ts';

/** Records that match, and where the next ones begin. */
export interface MatchPage {
  readonly records: readonly StoredRecord<unknown>[];
  /** Missing: there are no more. */
  readonly next: Position | undefined;
}

/** What one call has read so far of what `scanLimit` allows. */
export class ScanBudget {
  readonly #limit: number | null;
  #scanned = 0;

  constructor(limit: number | null) {
    this.#limit = limit;
  }

  spend(rows: number): void {
    this.#scanned += rows;
    if (this.#limit !== null && this.#scanned > this.#limit) {
      throw new StorageError({
        code: 'scan_limit',
        message: `The filter would read more than ${this.#limit} records; narrow it down by prefix or namespace, or raise \`scanLimit\`.`,
        details: { scanLimit: this.#limit },
      });
    }
  }
}

function positionBehind(record: StoredRecord<unknown>, sort: readonly SortTerm[]): Position {
  if (sort.length === 0) return { key: record.key, sort: [] };
  const document = toDocument(record);
  return { key: record.key, sort: sort.map(({ path }) => sortKeyOf(valueAt(document, path))) };
}

/** A page of matches. Where the native filter is a superset each row is rechecked, and further rows are read until the page is full. */
export async function readMatches<Native>(
  driver: RecordDriver<Native>,
  ns: string,
  plan: Plan<Native>,
  after: Position | undefined,
  limit: number,
  budget: ScanBudget,
  call: Call,
): Promise<MatchPage> {
  const { prefix, filter, sort, recheck } = plan;
  const records: StoredRecord<unknown>[] = [];
  let position = after;
  let ask = limit;
  for (;;) {
    const page = await driver.page(ns, { prefix, filter, sort, after: position, limit: ask, include: 'rows' }, call);
    let seen = 0;
    let last: StoredRecord<unknown> | undefined;
    for (const row of page.rows) {
      seen++;
      last = toRecord<unknown>(row);
      if (recheck !== undefined && !recheck(toDocument(last))) continue;
      records.push(last);
      if (records.length === limit) break;
    }
    // What stands behind a full page is read, and counted, by the next one.
    if (recheck !== undefined) budget.spend(seen);
    if (!page.more && seen === page.rows.length) return { records, next: undefined };
    if (last === undefined) {
      throw new StorageError({
        code: 'internal',
        message: 'A page without rows can not have more behind its last row.',
      });
    }
    position = positionBehind(last, sort);
    if (records.length === limit) return { records, next: position };
    call.check();
    // Few match, so the next look is a longer one.
    ask = Math.min(maxLimit, ask * 2);
  }
}
