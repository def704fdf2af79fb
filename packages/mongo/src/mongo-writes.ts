import {
  alreadyExists,
  conflict,
  type InfoRow,
  type RowOutcome,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';
import type { mongo } from 'mongoose';
import { despiteOthers } from './mongo-contention.ts';
import {
  type Content,
  idOf,
  isLive,
  jsonContent,
  live,
  type RecordDocument,
  type RecordFields,
  recordFields,
  replacing,
} from './mongo-documents.ts';
import { halfDone, isContended, isDuplicate, translateFor, translateMongo } from './mongo-errors.ts';
import type { MongoStore } from './mongo-store.ts';

/** How often a write is tried that others keep overtaking. */
const maxAttempts = 20;
type Head = WriteHead & Pick<WriteRow, 'size'>;

/** A write that depends on nothing. */
export interface WriteOp {
  readonly ns: string;
  readonly row: WriteRow;
}

function infoOf(key: string, head: Head, fields: RecordFields, createdAt: number): InfoRow {
  const { kind, etag, size, contentType, metadata } = head;
  const { updatedAt, expiresAt } = fields;
  return {
    key,
    kind,
    etag,
    createdAt,
    updatedAt: updatedAt.getTime(),
    expiresAt: expiresAt === undefined ? null : expiresAt.getTime(),
    size,
    contentType,
    metadata,
  };
}

function contentOf({ content }: WriteRow): Content {
  return typeof content === 'string' ? jsonContent(content) : { bytes: content };
}

function contended(key: string): StorageError {
  return new StorageError({
    code: 'unavailable',
    message: 'Other writers were at the same record again and again; nothing was applied. Try again.',
    key,
    applied: 'no',
  });
}

/** Takes expired records out of the way of upserts, where those must not fail. */
async function clearExpired(
  { records, transactional }: MongoStore,
  ids: readonly string[],
  now: number,
): Promise<void> {
  if (transactional) await records.deleteMany({ _id: { $in: [...ids] }, expiresAt: { $lte: new Date(now) } });
}

/** Replaces or makes a record that nothing is asked of, but keeps when a live one was made. */
async function put(store: MongoStore, id: string, head: Head, content: Content): Promise<InfoRow> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const now = store.now();
    const fields = recordFields(head, content, now);
    const createdAt = new Date(now);
    await clearExpired(store, [id], now);
    try {
      const found = await store.records.findOneAndUpdate(
        { _id: id, expiresAt: live(now) },
        replacing(fields, createdAt),
        { upsert: true, returnDocument: 'after', projection: { createdAt: 1 } },
      );
      return infoOf(head.key, head, fields, found?.createdAt.getTime() ?? now);
    } catch (error) {
      if (store.transactional || !isDuplicate(error)) throw error;
    }
    // An expired record is in the way, or another writer was quicker.
    const { matchedCount } = await store.records.replaceOne(
      { _id: id, expiresAt: { $lte: createdAt } },
      { ...fields, createdAt },
    );
    if (matchedCount > 0) return infoOf(head.key, head, fields, now);
  }
  throw contended(head.key);
}

async function assertAbsent({ records }: MongoStore, id: string, key: string, now: number): Promise<void> {
  const found = await records.findOne({ _id: id }, { projection: { etag: 1, expiresAt: 1 } });
  if (found !== null && isLive(found, now)) throw alreadyExists(key, found.etag);
}

/** Makes a record where there is none; an expired one is none. */
async function putAbsent(store: MongoStore, id: string, head: Head, content: Content): Promise<InfoRow> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const now = store.now();
    const fields = recordFields(head, content, now);
    const createdAt = new Date(now);
    if (store.transactional) await assertAbsent(store, id, head.key, now);
    try {
      await store.records.replaceOne(
        { _id: id, expiresAt: { $lte: createdAt } },
        { ...fields, createdAt },
        { upsert: true },
      );
      return infoOf(head.key, head, fields, now);
    } catch (error) {
      if (store.transactional || !isDuplicate(error)) throw error;
    }
    await assertAbsent(store, id, head.key, now);
  }
  throw contended(head.key);
}

async function putMatch(store: MongoStore, id: string, head: Head, content: Content, etag: string): Promise<InfoRow> {
  const now = store.now();
  const fields = recordFields(head, content, now);
  const { $set, $unset } = replacing(fields, new Date(now));
  const found = await store.records.findOneAndUpdate(
    { _id: id, etag, expiresAt: live(now) },
    { $set, $unset } as mongo.UpdateFilter<RecordDocument>,
    { projection: { createdAt: 1 } },
  );
  if (found === null) throw conflict(head.key);
  return infoOf(head.key, head, fields, found.createdAt.getTime());
}

/**
 * A conditional write whose answer was lost: the record is read, and if it has the write's own etag it was carried out. Otherwise
 * it is sent once more, under the same condition and with the same etag, so that it takes effect once at most. Should the condition
 * not hold then, the first may have been carried out and overtaken since: its outcome stays unknown.
 */
async function settled(store: MongoStore, id: string, head: Head, send: () => Promise<InfoRow>): Promise<InfoRow> {
  const own = async (): Promise<InfoRow | undefined> => {
    const found = await store.records.findOne({ _id: id, etag: head.etag });
    return found === null ? undefined : infoOf(head.key, head, found, found.createdAt.getTime());
  };
  try {
    return await send();
  } catch (error) {
    const lost = translateFor(store)(error, { operation: 'records.store', key: head.key, write: true });
    if (!isStorageError(lost, 'unavailable') || lost.applied === 'no' || store.transactional) throw lost;
    // What comes of it now does not make the first failure certain, so its own is told only when it is good news.
    const again = async (): Promise<InfoRow | undefined> => (await own()) ?? (await send().catch(own));
    const info = await again().catch(() => undefined);
    if (info === undefined) throw lost;
    return info;
  }
}

/** Stores a record by one operation on one document. */
export function publish(store: MongoStore, ns: string, head: Head, content: Content): Promise<InfoRow> {
  const id = idOf(ns, head.key);
  const { condition } = head;
  if (condition === undefined) return put(store, id, head, content);
  return settled(store, id, head, () =>
    condition.type === 'absent'
      ? putAbsent(store, id, head, content)
      : putMatch(store, id, head, content, condition.etag),
  );
}

export function writeRow(store: MongoStore, ns: string, row: WriteRow): Promise<InfoRow> {
  return publish(store, ns, row, contentOf(row));
}

function failure(error: unknown, key: string): { readonly ok: false; readonly error: StorageError } {
  return { ok: false, error: translateMongo(error, { operation: 'records.store', key, write: true }) };
}

/** The failures of a batch by the index of the write, where that is what was thrown. */
function writeErrors(error: unknown): ReadonlyMap<number, unknown> | undefined {
  if (typeof error !== 'object' || error === null || !('writeErrors' in error)) return undefined;
  const list = (
    Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
  ) as readonly mongo.WriteError[];
  return list.length === 0 ? undefined : new Map(list.map((item) => [item.index, item]));
}

/** Whether some of a bulk, which the driver may send in several parts, was carried out before it failed. */
function isBegun(error: unknown): boolean {
  const { upsertedCount = 0, matchedCount = 0 } = Object(error) as Partial<mongo.MongoBulkWriteError>;
  return upsertedCount + matchedCount > 0;
}

/** Stores many records that nothing is asked of, no id twice: one round trip, and another to learn when those that were there were made. */
export async function writeBatch(store: MongoStore, ops: readonly WriteOp[]): Promise<readonly RowOutcome<InfoRow>[]> {
  const now = store.now();
  const createdAt = new Date(now);
  const writes = ops.map(({ ns, row }) => ({
    id: idOf(ns, row.key),
    row,
    fields: recordFields(row, contentOf(row), now),
  }));
  const models = writes.map(({ id, fields }) => ({
    updateOne: { filter: { _id: id, expiresAt: live(now) }, update: replacing(fields, createdAt), upsert: true },
  }));
  await clearExpired(
    store,
    writes.map(({ id }) => id),
    now,
  );
  let made: { readonly [index: number]: unknown };
  let failed: ReadonlyMap<number, unknown> = new Map();
  try {
    made = (await store.records.bulkWrite(models, { ordered: false })).upsertedIds;
  } catch (error) {
    const errors = writeErrors(error);
    if (errors === undefined) throw isBegun(error) ? halfDone(error, 'records.store') : error;
    failed = errors;
    made = (error as mongo.MongoBulkWriteError).upsertedIds;
  }
  const replaced = writes.filter((_, index) => !(index in made) && !failed.has(index));
  const before = new Map<string, number>();
  if (replaced.length > 0) {
    const found = store.records.find({ _id: { $in: replaced.map(({ id }) => id) } }, { projection: { createdAt: 1 } });
    try {
      for (const document of await found.toArray()) before.set(document._id, document.createdAt.getTime());
    } catch (error) {
      throw halfDone(error, 'records.store');
    }
  }
  const outcomes: RowOutcome<InfoRow>[] = [];
  for (const [index, { id, row, fields }] of writes.entries()) {
    const error = failed.get(index);
    if (error === undefined) {
      // One that was deleted since is told as if it had been made now.
      outcomes.push({ ok: true, value: infoOf(row.key, row, fields, before.get(id) ?? now) });
    } else if (isDuplicate(error) || isContended(error)) {
      outcomes.push(await alone(store, id, row));
    } else outcomes.push(failure(error, row.key));
  }
  return outcomes;
}

async function alone(store: MongoStore, id: string, row: WriteRow): Promise<RowOutcome<InfoRow>> {
  try {
    return { ok: true, value: await despiteOthers(() => put(store, id, row, contentOf(row))) };
  } catch (error) {
    return failure(error, row.key);
  }
}
