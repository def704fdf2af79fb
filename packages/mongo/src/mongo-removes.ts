import { type Call, conflict, type RowOutcome } from '@storage/backend-kit';
import { randomToken } from '@storage/core';
import { againOf } from './mongo-contention.ts';
import { idOf, idRange, live, type RecordFilter } from './mongo-documents.ts';
import { halfDone } from './mongo-errors.ts';
import type { MongoFilter } from './mongo-filter.ts';
import type { MongoStore } from './mongo-store.ts';

/** Where a deleted record's expiry is put until it is removed: from then on it is none. */
const gone = new Date(0);
/** How many records one operation drops. */
const dropAtOnce = 5000;

export interface RemoveOp {
  readonly ns: string;
  readonly key: string;
}

/** Removes a record, if it has this etag where one is given. Answers whether it was there. */
export async function removeOne(
  store: MongoStore,
  ns: string,
  key: string,
  etag: string | undefined,
): Promise<boolean> {
  const filter = { _id: idOf(ns, key), expiresAt: live(store.now()), ...(etag !== undefined && { etag }) };
  const { deletedCount } = await store.records.deleteOne(filter);
  if (deletedCount === 0 && etag !== undefined) throw conflict(key);
  return deletedCount > 0;
}

/**
 * Removes many, no id twice, and tells of each whether it was there. A bulk of deletes tells only how many there were, so they are
 * marked first: a record that is marked has expired, and its etag says who marked it.
 */
export async function removeBatch(
  store: MongoStore,
  ops: readonly RemoveOp[],
): Promise<readonly RowOutcome<boolean>[]> {
  const { records } = store;
  const ids = ops.map(({ ns, key }) => idOf(ns, key));
  const etag = randomToken();
  // Each step by itself: the second marking of a record would not find it.
  const again = againOf(store);
  const { modifiedCount } = await again(() =>
    records.updateMany({ _id: { $in: ids }, expiresAt: live(store.now()) }, { $set: { expiresAt: gone, etag } }),
  );
  if (modifiedCount === 0) return ids.map(() => ({ ok: true, value: false }));
  try {
    let marked: ReadonlySet<string> | undefined;
    if (modifiedCount < ids.length) {
      const found = await records.find({ _id: { $in: ids }, etag }, { projection: { _id: 1 } }).toArray();
      marked = new Set(found.map(({ _id }) => _id));
    }
    await again(() => records.deleteMany({ _id: { $in: ids }, etag }));
    return ids.map((id) => ({ ok: true, value: marked?.has(id) ?? true }));
  } catch (error) {
    // Marked is gone, whatever the later steps come to.
    throw halfDone(error, 'records.delete');
  }
}

export async function removeWhere(store: MongoStore, ns: string, filter: MongoFilter | undefined): Promise<number> {
  const all: RecordFilter = { _id: idRange(ns), expiresAt: live(store.now()) };
  const { deletedCount } = await store.records.deleteMany(filter === undefined ? all : { $and: [all, filter(ns)] });
  return deletedCount;
}

interface Ids {
  readonly $gt: string;
  readonly $lt: string;
}

/** Where the ids of a namespace stand, and of those below it. */
function rangesOf(ns: string, recursive: boolean): readonly Ids[] {
  if (ns === '' && recursive) return [{ $gt: '\0', $lt: '\u{10ffff}' }];
  const own = { $gt: `${ns}\0`, $lt: `${ns}\u0001` };
  // '0' follows '/'.
  return recursive ? [own, { $gt: `${ns}/`, $lt: `${ns}0` }] : [own];
}

/** Removes what is in a namespace, a part at a time. Answers how many of it were not expired. */
export async function dropNamespace(store: MongoStore, ns: string, recursive: boolean, call: Call): Promise<number> {
  const { records } = store;
  const again = againOf(store);
  let deleted = 0;
  try {
    for (const range of rangesOf(ns, recursive)) {
      for (let from: string | undefined = range.$gt; from !== undefined; ) {
        call.check();
        const last: { readonly _id: string } | undefined = await records
          .find({ _id: { $gt: from, $lt: range.$lt } }, { projection: { _id: 1 } })
          .sort({ _id: 1 })
          .skip(dropAtOnce - 1)
          .limit(1)
          .next()
          .then((found) => found ?? undefined);
        const part = { $gt: from, ...(last === undefined ? { $lt: range.$lt } : { $lte: last._id }) };
        const remove = async (filter: RecordFilter): Promise<number> =>
          (await again(() => records.deleteMany(filter))).deletedCount;
        deleted += await remove({ _id: part, expiresAt: live(store.now()) });
        await remove({ _id: part, expiresAt: { $lte: new Date(store.now()) } });
        from = last?._id;
      }
    }
  } catch (error) {
    throw deleted > 0 ? halfDone(error, 'records.dropNamespace') : error;
  }
  return deleted;
}
