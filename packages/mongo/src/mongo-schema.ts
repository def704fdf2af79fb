import type { Call, DeclaredField } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { mongo } from 'mongoose';
import type { MongoSettings } from './mongo-options.ts';
import { shadowPath } from './mongo-shadow.ts';
import type { MongoStore } from './mongo-store.ts';

/** The version of what is stored. A store of a newer one is not touched. */
const schemaVersion = 1;
/** The store's own document: the id of the empty key, which no record can have. */
export const ownId = '\0';

interface Index {
  readonly name: string;
  readonly key: { readonly [path: string]: 1 };
  readonly options: mongo.CreateIndexesOptions;
}

const expiryIndex: Index = {
  name: 'storage_expiry',
  key: { expiresAt: 1 },
  // Records that never expire are not in it.
  options: { expireAfterSeconds: 0, partialFilterExpression: { expiresAt: { $exists: true } } },
};

/** The path first, for filters; then the id, so that what is equal comes in the order of the keys. */
function fieldIndex({ name, path }: DeclaredField): readonly Index[] {
  // Keys are ids, and those have an index.
  if (path[0] === 'key') return [];
  return [{ name: `storage_by_${name}`, key: { [shadowPath(path)]: 1, _id: 1 }, options: {} }];
}

function outdated(collection: string, missing: string): StorageError {
  return new StorageError({
    code: 'version_mismatch',
    message: `The collection ${collection} lacks ${missing}; open it once with migrate: 'auto'.`,
    applied: 'no',
    details: { collection, missing },
  });
}

function refuse(code: 'invalid_argument' | 'version_mismatch', message: string, collection: string): StorageError {
  return new StorageError({ code, message, applied: 'no', details: { path: 'collection', collection } });
}

async function checkKind({ db }: MongoStore, collection: string): Promise<void> {
  const [found] = await db.listCollections({ name: collection }).toArray();
  if (found === undefined) return;
  const options: mongo.BSON.Document = ('options' in found && found.options) || {};
  if (found.type === 'view' || found.type === 'timeseries' || options['viewOn'] !== undefined) {
    const kind = found.type === 'timeseries' ? 'a time series' : 'a view';
    throw refuse(
      'invalid_argument',
      `\`collection\` names ${kind}, ${collection}, which takes no records; name another.`,
      collection,
    );
  }
  if (options['collation'] !== undefined) {
    throw refuse(
      'invalid_argument',
      `The collection ${collection} has a collation, under which keys are not in the order of their code points; name another \`collection\`.`,
      collection,
    );
  }
}

/** Whether the collection is marked as a store. Refuses one that holds something else. */
async function isMarked({ records }: MongoStore, collection: string): Promise<boolean> {
  const own: mongo.BSON.Document | null = await records.findOne({ _id: ownId });
  if (own === null) {
    const other = await records.findOne({ _id: { $ne: ownId } }, { projection: { _id: 1 } });
    // Somebody who opens it now may have marked it in between.
    if (other !== null && (await records.findOne({ _id: ownId })) === null) {
      throw refuse(
        'invalid_argument',
        `The collection ${collection} holds documents that are not of this store; name another \`collection\`.`,
        collection,
      );
    }
    return false;
  }
  if (own['schema'] === schemaVersion) return true;
  throw refuse(
    'version_mismatch',
    `The collection ${collection} is of schema ${String(own['schema'])}, this library knows ${schemaVersion}; use the release that wrote it, or a newer one.`,
    collection,
  );
}

async function indexNames({ records }: MongoStore): Promise<ReadonlySet<string>> {
  try {
    return new Set((await records.indexes()).map(({ name }) => String(name)));
  } catch (error) {
    // There is no collection yet.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 26) return new Set();
    throw error;
  }
}

/** Messages have done their work once the server's log has them; the index removes them. */
const keptMessageSeconds = 60;

/** Makes what is missing, or finds that it is. Others may be at the same at the same time. */
export async function applySchema(
  store: MongoStore,
  { migrate, collection, fields, changeStreams }: MongoSettings,
  call: Call,
): Promise<void> {
  if (migrate === 'off') return;
  await checkKind(store, collection);
  const wanted = [expiryIndex, ...fields.flatMap(fieldIndex)];
  if (!(await isMarked(store, collection))) {
    if (migrate === 'verify') throw outdated(collection, 'the mark of a store');
    const mark = { $setOnInsert: { schema: schemaVersion } } as mongo.UpdateFilter<mongo.BSON.Document>;
    await store.db
      .collection<mongo.BSON.Document & { _id: string }>(collection)
      .updateOne({ _id: ownId }, mark, { upsert: true });
  }
  const present = await indexNames(store);
  for (const { name, key, options } of wanted) {
    if (present.has(name)) continue;
    call.check();
    if (migrate === 'verify') throw outdated(collection, `the index ${name}`);
    await store.records.createIndex(key, { ...options, name });
  }
  if (changeStreams && migrate === 'auto') {
    await store.messages.createIndex({ at: 1 }, { expireAfterSeconds: keptMessageSeconds, name: 'storage_messages' });
  }
}
