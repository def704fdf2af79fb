// Many writers and many processes at once.
import { afterAll, describe, expect, it } from '@jest/globals';
import { crowd, inTwoProcesses } from '@storage/faults/testing';
import { dropSchemas, onService, randomName } from '@storage/services/testing';
import pg from 'pg';
import { createPostgres } from '../src/index.ts';

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
      const opened = await inTwoProcesses({
        imports: `import { createPostgres } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};`,
        create: "createPostgres({ url: process.env.TEST_URL, schema: name, fields: ['data.a', 'metadata.b'] })",
        names: schemas,
        env: { TEST_URL: url },
      });
      expect(opened).toEqual([20, 20]);
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
      const backends = Array.from({ length: 4 }, () =>
        createPostgres({ url, schema, poolSize: 16, fields: ['data.group'] }),
      );
      await Promise.all(backends.map((backend) => backend.open()));
      const batches = await crowd(async ({ writer, turn, keys, items }) => {
        const { records, transactions } = backends[writer % backends.length] as (typeof backends)[number];
        const kind = turn % 6;
        if (kind === 0) await records.deleteMany(keys);
        else if (kind === 1) await records.deleteWhere({ 'data.group': writer % 3 });
        else if (kind === 2) await records.storeMany(items, { atomic: true });
        else if (kind === 3) await transactions.run(items.map(({ key, data }) => ({ type: 'store', key, data })));
        else expect((await records.storeMany(items)).filter(({ ok }) => !ok)).toEqual([]);
      });
      expect(batches).toBeGreaterThan(64);
      for (const backend of backends) await backend.close();
    }, 60_000);
  });
});
