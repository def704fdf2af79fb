// Many writers and many processes at once.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import mongoose from 'mongoose';
import { ownDatabase } from './own-store.ts';

const opener = fileURLToPath(new URL('./open-stores.ts', import.meta.url));

await onService('mongo', ({ url }) => {
  const own = ownDatabase(url);
  afterAll(() => own.drop());

  describe('many at once', () => {
    it('opens one empty database from two processes, twenty times', async () => {
      const databases = Array.from({ length: 20 }, (_, index) => `${own.name}_${index}`);
      const client = new mongoose.mongo.MongoClient(url);
      try {
        const open = async (): Promise<string> => {
          const args = [
            '--conditions=@storage/source',
            '--import',
            'tsx',
            opener,
            String(Date.now() + 4000),
            ...databases,
          ];
          const env = { ...process.env, NODE_OPTIONS: '', TEST_URL: url };
          return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
        };
        expect(await Promise.all([open(), open()])).toEqual(['20 opened', '20 opened']);
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
      const end = performance.now() + 4000;
      let batches = 0;
      const writer = async (number: number): Promise<void> => {
        const { records } = backends[number % backends.length] as (typeof backends)[number];
        for (let round = 0; performance.now() < end; round++) {
          const keys = Array.from({ length: 20 }, () => `key-${Math.floor(Math.random() * 200)}`);
          const items = keys.map((key) => ({ key, data: { group: number % 3, round } }));
          const kind = (number + round) % 4;
          if (kind === 1) await records.deleteWhere({ 'data.group': number % 3 });
          else {
            const outcomes = kind === 0 ? await records.deleteMany(keys) : await records.storeMany(items);
            expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
          }
          batches++;
        }
      };
      await Promise.all(Array.from({ length: 64 }, (_, number) => writer(number)));
      expect(batches).toBeGreaterThan(64);
      for (const backend of backends) await backend.close();
    }, 60_000);
  });
});
