// What a careful user writes with MongoDB's driver by hand: one pool, reads by id, an upsert that answers when the record was made,
// batches as one bulk, pages by keyset, an index for the field that is filtered. Documents, ids, indexes and concerns are those of
// the store that it is compared with (the text that is read, and the data beside it for filters), and so is what it answers.
import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';

/** A record as both sides answer it. */
interface RawRecord {
  readonly key: string;
  readonly kind: 'json' | 'bytes';
  readonly etag: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt: Date | undefined;
  readonly size: number;
  readonly contentType: string;
  readonly metadata: unknown;
  readonly data: unknown;
}

/** What a write answers. */
type RawInfo = Omit<RawRecord, 'data'>;

interface RawDocument {
  readonly _id: string;
  readonly etag: string;
  readonly kind: 'json';
  readonly contentType: string;
  readonly size: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly expiresAt?: Date;
  readonly json: string;
  readonly metadataJson?: string;
  readonly data: unknown;
}

interface RawPage {
  readonly items: readonly RawRecord[];
  readonly more: boolean;
}

interface Item {
  readonly key: string;
  readonly data: unknown;
}

export interface RawMongo {
  get(key: string): Promise<RawRecord | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>;
  set(key: string, data: unknown): Promise<RawInfo>;
  setMany(items: readonly Item[]): Promise<readonly RawInfo[]>;
  delete(key: string): Promise<boolean>;
  /** 100 records behind a key. */
  page(after: string): Promise<RawPage>;
  /** The first 100 records whose field has the value, by key. */
  filter(value: string): Promise<RawPage>;
  close(): Promise<void>;
}

const page = 100;
const projection = { data: 0 };

function toRecord(document: Omit<RawDocument, 'data'>): RawRecord {
  const { _id, etag, kind, contentType, size, createdAt, updatedAt, expiresAt, json, metadataJson } = document;
  return {
    key: _id.slice(1),
    kind,
    etag,
    createdAt,
    updatedAt,
    expiresAt,
    size,
    contentType,
    metadata: metadataJson === undefined ? {} : JSON.parse(metadataJson),
    data: JSON.parse(json),
  };
}

function toPage(documents: readonly RawDocument[]): RawPage {
  return { items: documents.slice(0, page).map(toRecord), more: documents.length > page };
}

/** Records of one namespace in a collection that is made here, by hand. `field` is a member of the data that has an index. */
export async function openRawMongo(
  url: string,
  database: string,
  field: string | undefined,
  poolSize: number,
): Promise<RawMongo> {
  const connection = await mongoose
    .createConnection(url, { maxPoolSize: poolSize, autoIndex: false, autoCreate: false })
    .asPromise();
  const records = connection
    .getClient()
    .db(database)
    .collection<RawDocument>('raw', {
      readPreference: 'primary',
      writeConcern: { w: 'majority' },
      readConcern: { level: 'majority' },
    });
  await records.createIndex(
    { expiresAt: 1 },
    { expireAfterSeconds: 0, partialFilterExpression: { expiresAt: { $exists: true } } },
  );
  if (field !== undefined) await records.createIndex({ [`data.${field}`]: 1, _id: 1 });

  const idOf = (key: string): string => `\0${key}`;
  const live = (): { readonly $not: { readonly $lte: Date } } => ({ $not: { $lte: new Date() } });

  function fieldsOf(data: unknown): Omit<RawDocument, '_id' | 'createdAt'> {
    const json = JSON.stringify(data);
    return {
      etag: randomUUID(),
      kind: 'json',
      contentType: 'application/json',
      size: Buffer.byteLength(json),
      updatedAt: new Date(),
      json,
      data,
    };
  }

  function updateOf(fields: ReturnType<typeof fieldsOf>): mongoose.mongo.UpdateFilter<RawDocument> {
    const { updatedAt } = fields;
    return {
      $set: fields,
      $unset: { bytes: true, file: true, metadata: true, metadataJson: true, expiresAt: true },
      $setOnInsert: { createdAt: updatedAt },
    } as mongoose.mongo.UpdateFilter<RawDocument>;
  }

  function infoOf(key: string, fields: ReturnType<typeof fieldsOf>, createdAt: Date): RawInfo {
    const { json: _json, data: _data, ...known } = fields;
    return { key, ...known, createdAt, expiresAt: undefined, metadata: {} };
  }

  return {
    async get(key) {
      const found = await records.findOne({ _id: idOf(key), expiresAt: live() }, { projection });
      return found === null ? undefined : toRecord(found);
    },
    async getMany(keys) {
      const filter = { _id: { $in: keys.map(idOf) }, expiresAt: live() };
      const found = new Map<string, RawRecord>();
      for (const document of await records.find(filter, { projection, batchSize: keys.length + 1 }).toArray())
        found.set(document._id, toRecord(document));
      return keys.map((key) => found.get(idOf(key)));
    },
    async set(key, data) {
      const fields = fieldsOf(data);
      const found = await records.findOneAndUpdate({ _id: idOf(key), expiresAt: live() }, updateOf(fields), {
        upsert: true,
        returnDocument: 'after',
        projection: { createdAt: 1 },
      });
      return infoOf(key, fields, found?.createdAt ?? fields.updatedAt);
    },
    async setMany(items) {
      const writes = items.map(({ key, data }) => ({ key, id: idOf(key), fields: fieldsOf(data) }));
      const models = writes.map(({ id, fields }) => ({
        updateOne: { filter: { _id: id, expiresAt: live() }, update: updateOf(fields), upsert: true },
      }));
      const { upsertedIds } = await records.bulkWrite(models, { ordered: false });
      const replaced = writes.filter((_, index) => !(index in upsertedIds)).map(({ id }) => id);
      const made = new Map<string, Date>();
      if (replaced.length > 0) {
        const found = records.find({ _id: { $in: replaced } }, { projection: { createdAt: 1 } });
        for (const { _id, createdAt } of await found.toArray()) made.set(_id, createdAt);
      }
      return writes.map(({ key, id, fields }) => infoOf(key, fields, made.get(id) ?? fields.updatedAt));
    },
    async delete(key) {
      return (await records.deleteOne({ _id: idOf(key), expiresAt: live() })).deletedCount === 1;
    },
    async page(after) {
      const filter = { _id: { $gt: idOf(after), $lt: '\u0001' }, expiresAt: live() };
      const options = { projection, batchSize: page + 2 };
      return toPage(
        await records
          .find(filter, options)
          .sort({ _id: 1 })
          .limit(page + 1)
          .toArray(),
      );
    },
    async filter(value) {
      const filter = { _id: { $gt: '\0', $lt: '\u0001' }, expiresAt: live(), [`data.${field}`]: value };
      const options = { projection, batchSize: page + 2 };
      return toPage(
        await records
          .find(filter, options)
          .sort({ _id: 1 })
          .limit(page + 1)
          .toArray(),
      );
    },
    close: () => connection.close(),
  };
}
