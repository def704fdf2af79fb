import { isStorageError } from '@storage/core';
import type { Call } from './call.ts';
import type { Position, RecordDriver } from './record-driver.ts';
import { readMatches, type ScanBudget } from './record-pages.ts';
import { maxLimit, type Plan } from './record-plan.ts';
import { toDocument, toRecord } from './record-rows.ts';

/** How many deletes are under way at once. */
const parallel = 32;
/** How often a record that keeps changing is looked at again. */
const maxAttempts = 10;

interface Found {
  readonly key: string;
  readonly etag: string;
}

/**
 * Deletes what matches a filter whose native form is a superset: never by the superset. Matches are found first, all of them, so
 * that a `scan_limit` comes before the first delete; then each is deleted on condition that it is still what was matched.
 */
export async function deleteMatches<Native>(
  driver: RecordDriver<Native>,
  ns: string,
  plan: Plan<Native>,
  conditional: boolean,
  budget: ScanBudget,
  call: Call,
): Promise<number> {
  const found: Found[] = [];
  let after: Position | undefined;
  do {
    const page = await readMatches(driver, ns, plan, after, maxLimit, budget, call);
    for (const { key, etag } of page.records) found.push({ key, etag });
    after = page.next;
  } while (after !== undefined);

  let deleted = 0;
  for (let start = 0; start < found.length; start += parallel) {
    call.check();
    const group = found.slice(start, start + parallel);
    const gone = await Promise.all(
      group.map(async ({ key, etag }) =>
        conditional ? deleteMatch(driver, ns, key, etag, plan, call) : driver.remove(ns, key, undefined, true, call),
      ),
    );
    deleted += gone.filter(Boolean).length;
  }
  return deleted;
}

async function deleteMatch<Native>(
  driver: RecordDriver<Native>,
  ns: string,
  key: string,
  matched: string,
  plan: Plan<Native>,
  call: Call,
): Promise<boolean> {
  let etag = matched;
  for (let attempt = 1; ; attempt++) {
    try {
      return await driver.remove(ns, key, etag, true, call);
    } catch (error) {
      if (!isStorageError(error, 'conflict') || attempt === maxAttempts) throw error;
    }
    // It changed: it goes only if it still matches.
    const row = await driver.read(ns, key, call);
    if (row === undefined || !(plan.recheck?.(toDocument(toRecord(row))) ?? true)) return false;
    etag = row.etag;
  }
}
