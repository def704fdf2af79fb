// What is cleared away, and what an index serves.
import { afterAll, describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import mongoose from 'mongoose';
import { mongoSettings } from '../src/mongo-options.ts';
import { openMongo } from '../src/mongo-store.ts';
import { MongoSweep } from '../src/mongo-sweep.ts';
import { ownDatabase } from './own-store.ts';

const chunk = new Uint8Array(300_000).fill(1);

async function* stream(pieces: number): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < pieces; piece++) yield chunk;
}

await onService('mongo', ({ url }) => {
  const own = ownDatabase(url);
  afterAll(() => own.drop());

  it('files that no record names are removed after a while, and those that are named are not', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const clock = (): number => now;
    await using backend = own.create({ collection: 'swept', clock });
    await backend.open();
    const { records } = backend;
    await records.storeStream('replaced', stream(5));
    await records.storeStream('kept', stream(5));
    await records.storeStream('expired', stream(5), { ttlMs: 1000 });
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* stream(40);
      throw new Error('enough');
    };
    await expect(records.storeStream('failed', failing())).rejects.toMatchObject({ code: 'aborted', applied: 'no' });
    await records.store('replaced', 1);

    const store = await openMongo({ ...mongoSettings({ url, database: own.name, collection: 'swept', clock }) });
    try {
      const files = async (): Promise<readonly string[]> =>
        (await store.files.find().toArray()).map(({ metadata }) => metadata.record.slice(1)).sort();
      const sweep = new MongoSweep(store);
      expect(await files()).toEqual(['expired', 'kept', 'replaced']);
      await sweep.sweep();
      now += 4 * 60_000;
      await sweep.sweep();
      // Whoever reads it still has time to.
      expect(await files()).toEqual(['expired', 'kept', 'replaced']);
      await store.records.deleteMany({ expiresAt: { $lte: new Date(now) } });
      now += 2 * 60_000;
      await sweep.sweep();
      expect(await files()).toEqual(['expired', 'kept']);
      now += 6 * 60_000;
      await sweep.sweep();
      expect(await files()).toEqual(['kept']);
      expect(await store.chunks.countDocuments()).toBe(6);
      // A writer that was never heard of again.
      await store.files.insertOne({
        _id: 'silent',
        length: 0,
        chunkSize: 1,
        uploadDate: new Date(now),
        metadata: { record: '\0silent', writing: new Date(now) },
      });
      await sweep.sweep();
      expect(await files()).toEqual(['kept', 'silent']);
      now += 2 * 60 * 60_000;
      await sweep.sweep();
      expect(await files()).toEqual(['kept']);
    } finally {
      await store.close();
    }
    const kept = await records.retrieve<Uint8Array>('kept');
    expect(kept?.data).toHaveLength(1_500_000);
  }, 30_000);

  it('GridFS reads what was streamed', async () => {
    await using backend = own.create({ collection: 'gridfs' });
    await backend.open();
    await backend.records.storeStream('a', stream(4));
    const bucket = new mongoose.mongo.GridFSBucket(own.db, { bucketName: 'gridfs' });
    const [file] = await bucket.find().toArray();
    expect(file).toMatchObject({ length: 1_200_000, metadata: { record: '\0a' } });
    let bytes = 0;
    for await (const piece of bucket.openDownloadStream(file?._id as never)) bytes += (piece as Uint8Array).length;
    expect(bytes).toBe(1_200_000);
  });

  it('expired records are removed by the index of the server', async () => {
    await using backend = own.create({ collection: 'expiring' });
    await backend.open();
    expect(await own.db.collection('expiring').indexes()).toContainEqual(
      expect.objectContaining({ name: 'storage_expiry', key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
    );
    await backend.records.store('a', 1, { ttlMs: 60_000 });
    await backend.records.store('b', 1);
    const found = await own.db
      .collection('expiring')
      .find({ expiresAt: { $type: 'date' } })
      .toArray();
    expect(found.map(({ _id }) => String(_id))).toEqual(['\0a']);
  });

  describe('indexes', () => {
    it('serve keys, prefixes and declared fields', async () => {
      const backend = own.create({ collection: 'planned', fields: ['data.user.age', 'data.tags', 'metadata.type'] });
      await backend.open();
      const { records } = backend;
      for (let from = 0; from < 5000; from += 1000) {
        await records.storeMany(
          Array.from({ length: 1000 }, (_, offset) => ({
            key: `key-${from + offset}`,
            data: { user: { age: (from + offset) % 500 }, tags: [`t${(from + offset) % 400}`], text: 'x'.repeat(200) },
            metadata: { type: `m${(from + offset) % 300}` },
          })),
        );
      }
      const plan = async (filter: object): Promise<string> =>
        JSON.stringify(await own.db.collection('planned').find(filter).sort({ _id: 1 }).limit(101).explain());
      expect(await plan({ _id: { $gt: '\0key-3', $lt: '\u0001' } })).toMatch(/_id_|IXSCAN|IDHACK/);
      for (const [path, value] of [
        ['data.user.age', 17],
        ['data.tags', 't17'],
        ['metadata.type', 'm17'],
      ] as const) {
        expect(await plan({ [path]: { $eq: value } })).toContain(`storage_by_${path}`);
      }
      expect((await records.query({ filter: { 'data.user.age': 17 } })).items).toHaveLength(10);
      await backend.close();
    }, 60_000);
  });
});
