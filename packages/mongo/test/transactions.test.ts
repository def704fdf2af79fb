// What is done inside of a transaction. That it is one is the server's word, and proved by the kit where a server has them.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unboundedCall, type WriteRow } from '@storage/backend-kit';
import { onService } from '@storage/services/testing';
import { mongoSettings } from '../src/mongo-options.ts';
import { hasTransactions } from '../src/mongo-probe.ts';
import { MongoRecords } from '../src/mongo-records.ts';
import { applySchema } from '../src/mongo-schema.ts';
import { type MongoStore, openMongo } from '../src/mongo-store.ts';
import { MongoTransactions } from '../src/mongo-transactions.ts';
import { ownDatabase } from './own-store.ts';

let etags = 0;

function row(key: string, content: string, more: Partial<WriteRow> = {}): WriteRow {
  const plain = {
    kind: 'json',
    contentType: 'application/json',
    metadata: '{}',
    ttlMs: null,
    condition: undefined,
  } as const;
  return { ...plain, key, etag: `etag-${etags++}`, content, size: content.length, ...more };
}

await onService('mongo', ({ url }) => {
  const own = ownDatabase(url);
  let store: MongoStore;
  let records: MongoRecords;
  let transactions: MongoTransactions;
  const steps: string[] = [];

  beforeAll(async () => {
    const settings = mongoSettings({ url, database: own.name });
    store = await openMongo(settings);
    await applySchema(store, settings, unboundedCall);
    records = new MongoRecords();
    records.attach(store, () => undefined);
    transactions = new MongoTransactions(records);
    // A session that says what it is told and leaves each operation by itself: a server that stands alone has no transactions.
    const startSession = (): unknown =>
      Object.assign(store.client.startSession(), {
        startTransaction: () => steps.push('start'),
        commitTransaction: async () => steps.push('commit'),
        abortTransaction: async () => steps.push('abort'),
      });
    transactions.attach({ ...store, client: { startSession } as unknown as MongoStore['client'] });
  });

  afterAll(async () => {
    await store.close();
    await own.drop();
  });

  describe('a transaction', () => {
    it('takes steps in order, commits once and answers each', async () => {
      steps.length = 0;
      const results = await transactions.run(
        [
          { type: 'write', ns: '', row: row('a', '1') },
          { type: 'write', ns: '', row: row('a', '2') },
          { type: 'remove', ns: '', key: 'none', etag: undefined, report: true },
          { type: 'write', ns: 'n', row: row('b', '3', { condition: { type: 'absent' } }) },
        ],
        unboundedCall,
      );
      expect(steps).toEqual(['start', 'commit']);
      expect(results).toMatchObject([{ key: 'a' }, { key: 'a' }, false, { key: 'b' }]);
      expect(await records.read('', 'a', unboundedCall)).toMatchObject({ content: '2' });
    });

    it('is given up at the step that fails, which the error names', async () => {
      steps.length = 0;
      const run = transactions.run(
        [
          { type: 'write', ns: '', row: row('c', '1') },
          { type: 'write', ns: '', row: row('a', '2', { condition: { type: 'absent' } }) },
        ],
        unboundedCall,
      );
      await expect(run).rejects.toMatchObject({ code: 'already_exists', applied: 'no', details: { index: 1 } });
      expect(steps).toEqual(['start', 'abort']);
    });

    it('never lets a duplicate end it: what has expired is cleared away first', async () => {
      await records.write('', row('old', '1', { ttlMs: 1 }), unboundedCall);
      await records.write('', row('older', '1', { ttlMs: 1 }), unboundedCall);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await transactions.with(async (inside) => {
        await inside.write('', row('old', '2'), unboundedCall);
        await inside.write('', row('older', '2', { condition: { type: 'absent' } }), unboundedCall);
      }, unboundedCall);
      expect(await records.read('', 'old', unboundedCall)).toMatchObject({ content: '2' });
      expect(await records.read('', 'older', unboundedCall)).toMatchObject({ content: '2' });
    });

    it('puts what is called at once into its session one after the other', async () => {
      const [written, page, removed] = await transactions.with(async (inside) => {
        const all = await Promise.all([
          ...Array.from({ length: 20 }, (_, index) =>
            inside.write('t', row(`p${index}`, String(index)), unboundedCall),
          ),
          inside.read('', 'a', unboundedCall),
          inside.count('t', '', undefined, false, unboundedCall),
        ]);
        const request = { prefix: 'p', filter: undefined, after: undefined, limit: 2, include: 'rows' } as const;
        const sorted = await inside.page(
          't',
          { ...request, sort: [{ path: ['data'], descending: true }] },
          unboundedCall,
        );
        return [all.length, sorted.rows, await inside.removeMany('t', ['p1', 'none'], false, unboundedCall)] as const;
      }, unboundedCall);
      expect(written).toBe(22);
      expect(page.map(({ key }) => key)).toEqual(['p19', 'p18']);
      expect(removed).toEqual([
        { ok: true, value: true },
        { ok: true, value: false },
      ]);
      expect(await records.count('t', '', undefined, false, unboundedCall)).toBe(19);
    });

    it('is not believed in where its write is seen outside, and what it wrote is taken back', async () => {
      const id = '\0\0probe';
      const probed = store.db.collection<{ readonly _id: string; readonly expiresAt: Date }>('records');
      const startSession = (): unknown =>
        Object.assign(store.client.startSession(), {
          startTransaction: () => undefined,
          commitTransaction: async () => undefined,
          abortTransaction: async () => undefined,
        });
      expect(await hasTransactions({ startSession } as unknown as MongoStore['client'], probed, id)).toBe(false);
      expect(await probed.findOne({ _id: id })).toBeNull();
    });
  });
});
