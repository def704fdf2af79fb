// Many writers and many processes at once.
import { afterAll, describe, expect, it } from '@jest/globals';
import { crowd, inTwoProcesses } from '@storage/faults/testing';
import { onService } from '@storage/services/testing';
import { createRedis } from '../src/index.ts';
import { freshPrefix, removeKeys, toNode } from './harness.ts';

await onService('redis', ({ url, nodes }) => {
  const prefix = freshPrefix();
  afterAll(() => removeKeys(nodes.map(toNode), prefix));

  describe('many at once', () => {
    it('opens one empty store from two processes, twenty times', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `${prefix}${index}:`);
      const opened = await inTwoProcesses({
        imports: `import { createRedis } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};`,
        create: "createRedis({ url: process.env.TEST_URL, prefix: name, fields: ['data.a'] })",
        names,
        env: { TEST_URL: url },
      });
      expect(opened).toEqual([20, 20]);
      for (const name of names) {
        await using backend = createRedis({ url, prefix: name, fields: ['data.a'] });
        await backend.open();
        expect((await backend.records.list()).items.map(({ key }) => key)).toEqual(['a']);
      }
    }, 120_000);

    it('lets 64 writers store and delete overlapping batches, with no failure for anybody', async () => {
      const backends = Array.from({ length: 4 }, () => createRedis({ url, prefix: `${prefix}crowd:` }));
      await Promise.all(backends.map((backend) => backend.open()));
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
