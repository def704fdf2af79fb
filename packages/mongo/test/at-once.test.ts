// Many writers and many processes at once.
import { afterAll, describe, expect, it } from '@jest/globals';
import { crowd, inTwoProcesses } from '@storage/faults/testing';
import { onService } from '@storage/services/testing';
import mongoose from 'mongoose';
import { ownDatabase } from './own-store.ts';

await onService('mongo', ({ url }) => {
  const own = ownDatabase(url);
  afterAll(() => own.drop());

  describe('many at once', () => {
    it('opens one empty database from two processes, twenty times', async () => {
      const databases = Array.from({ length: 20 }, (_, index) => `${own.name}_${index}`);
      const client = new mongoose.mongo.MongoClient(url);
      try {
        const opened = await inTwoProcesses({
          imports: `import { createMongo } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};`,
          create: "createMongo({ url: process.env.TEST_URL, database: name, fields: ['data.a', 'metadata.b'] })",
          names: databases,
          env: { TEST_URL: url },
        });
        expect(opened).toEqual([20, 20]);
        for (const database of databases) {
          const db = client.db(database);
          const names = (await db.collection('records').indexes()).map(({ name }) => String(name));
          expect(names.sort()).toEqual(['_id_', 'storage_by_data.a', 'storage_by_metadata.b', 'storage_expiry']);
          expect(await db.collection('records').countDocuments()).toBe(2);
        }
      } finally {
        for (const database of databases) await client.db(database).dropDatabase();
        await client.close();
      }
    }, 120_000);

    it('lets 64 writers store and delete overlapping batches, with no failure for anybody', async () => {
      const first = own.create({ fields: ['data.group'], poolSize: 8 });
      const backends = [first, ...Array.from({ length: 3 }, () => own.reopen(first))];
      for (const backend of backends) await backend.open();
      const batches = await crowd(async ({ writer, turn, keys, items }) => {
        const { records } = backends[writer % backends.length] as (typeof backends)[number];
        if (turn % 4 === 1) await records.deleteWhere({ 'data.group': writer % 3 });
        else {
          const outcomes = turn % 4 === 0 ? await records.deleteMany(keys) : await records.storeMany(items);
          expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
        }
      });
      expect(batches).toBeGreaterThan(64);
      for (const backend of backends) await backend.close();
    }, 60_000);
  });
});
