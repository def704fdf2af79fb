// Many writers and many processes at once.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { onService } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres } from '../src/index.ts';
import { dropSchemas, randomName } from './own-schema.ts';

const opener = fileURLToPath(new URL('./open-schemas.ts', import.meta.url));

await onService('postgres', ({ url }) => {
  const made: string[] = [];
  function ownSchema(): string {
    const schema = randomName('once');
    made.push(schema);
    return schema;
  }
  afterAll(() => dropSchemas(url, made), 30_000);

  describe('many at once', () => {
    it('opens one empty database from two processes, twenty times', async () => {
      const schemas = Array.from({ length: 20 }, ownSchema);
      const open = async (): Promise<string> => {
        const args = ['--conditions=@storage/source', '--import', 'tsx', opener, String(Date.now() + 4000), ...schemas];
        const env = { ...process.env, NODE_OPTIONS: '', TEST_URL: url };
        return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
      };
      expect(await Promise.all([open(), open()])).toEqual(['20 opened', '20 opened']);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      for (const schema of schemas) {
        const { rows } = await client.query(`SELECT part, version::int FROM ${schema}.storage_schema`);
        expect(rows).toEqual([{ part: 'records', version: 1 }]);
      }
      await client.end();
    }, 120_000);

    it('lets 64 writers store and delete overlapping batches, with no deadlock for anybody', async () => {
      const schema = ownSchema();
      const backends = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const backend = createPostgres({ url, schema, poolSize: 16, fields: ['data.group'] });
          await backend.open();
          return backend;
        }),
      );
      const end = performance.now() + 4000;
      let batches = 0;
      const writer = async (number: number): Promise<void> => {
        const { records, transactions } = backends[number % backends.length] as (typeof backends)[number];
        for (let round = 0; performance.now() < end; round++) {
          const keys = Array.from({ length: 20 }, () => `key-${Math.floor(Math.random() * 200)}`);
          const items = keys.map((key) => ({ key, data: { group: number % 3, round } }));
          const kind = (number + round) % 6;
          if (kind === 0) await records.deleteMany(keys);
          else if (kind === 1) await records.deleteWhere({ 'data.group': number % 3 });
          else if (kind === 2) await records.storeMany(items, { atomic: true });
          else if (kind === 3) await transactions.run(items.map(({ key, data }) => ({ type: 'store', key, data })));
          else {
            const outcomes = await records.storeMany(items);
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
