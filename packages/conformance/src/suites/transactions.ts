import type { Capabilities } from '@storage/core';
import {
  type Backend,
  isRecordStore,
  type KeyedRecords,
  type RecordStore,
  type TransactionScope,
  type Transactions,
} from '@storage/core';
import { equal, fail, ok, rejects, sameSet } from '../assert.ts';
import { sleep, type TestContext } from '../context.ts';
import { all } from '../needs.ts';
import { defineSuite, type Suite } from '../suite.ts';

const present = ({ transactions }: Capabilities): boolean => transactions !== false;
const interactive = ({ transactions }: Capabilities): boolean => transactions !== false && transactions.interactive;
const namespaced = ({ records }: Capabilities): boolean =>
  records !== false && records.level === 'full' && records.namespaces;
const conditional = ({ records }: Capabilities): boolean => records !== false && records.conditional !== 'none';

async function open(t: TestContext): Promise<{ backend: Backend; transactions: Transactions; records: KeyedRecords }> {
  const backend = await t.open();
  const { transactions, records } = backend;
  if (transactions === undefined || records === undefined)
    fail('capabilities.transactions promises transactions over records, the backend has none');
  return { backend, transactions, records };
}

async function store(records: KeyedRecords): Promise<RecordStore> {
  return isRecordStore(records) ? records : fail('records are a whole RecordStore');
}

/** Several writes as one. */
export const transactionsSuite: Suite = defineSuite('transactions', present, (test) => {
  test('run', 'run does its steps in order and answers in their order', async (t) => {
    const { transactions, records } = await open(t);
    await records.store('old', 1);
    const results = await transactions.run([
      { type: 'store', key: 'a', data: { n: 1 } },
      { type: 'delete', key: 'old' },
      { type: 'delete', key: 'none' },
      { type: 'store', key: 'a', data: { n: 2 }, options: { contentType: 'text/x' } },
    ]);
    const [first, deleted, none, last] = results;
    equal([deleted, none], [true, false], 'answers of the deletes');
    equal(
      [typeof first === 'object' && first.key, typeof last === 'object' && last.contentType],
      ['a', 'text/x'],
      'answers of the stores',
    );
    const read = await records.retrieve('a');
    equal([read?.data, typeof last === 'object' && last.etag], [{ n: 2 }, read?.etag], 'data and etag');
    equal(await records.exists('old'), false, 'the deleted record');
    equal(await transactions.run([]), [], 'answer of no steps');
  });

  test(
    'run-undoes-all',
    'a step that fails undoes all, and the error says which it was',
    all(present, conditional),
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('taken', 'old');
      await records.store('gone', 'old');
      const error = await rejects(
        () =>
          transactions.run([
            { type: 'store', key: 'a', data: 1 },
            { type: 'delete', key: 'gone' },
            { type: 'store', key: 'taken', data: 2, options: { ifAbsent: true } },
            { type: 'store', key: 'b', data: 3 },
          ]),
        'already_exists',
        'run with a lost condition',
      );
      equal(error.details?.['index'], 2, 'details.index');
      const read = await records.retrieveMany(['a', 'gone', 'taken', 'b']);
      equal(
        read.map((record) => record?.data),
        [undefined, 'old', 'old', undefined],
        'what is there',
      );
      const stale = await rejects(
        () =>
          transactions.run([
            { type: 'store', key: 'a', data: 1 },
            { type: 'delete', key: 'taken', options: { ifMatch: 'never' } },
          ]),
        'conflict',
        'run with a stale etag',
      );
      equal(stale.details?.['index'], 1, 'details.index of the delete');
      equal(await records.exists('a'), false, 'the first step of the second run');
    },
  );

  test('run-checks-first', 'a step that is not legal is refused, and nothing is done', async (t) => {
    const { transactions, records } = await open(t);
    for (const step of [
      { type: 'store', key: '', data: 1 },
      { type: 'store', key: 'b', data: Number.NaN },
      { type: 'upsert', key: 'b', data: 1 },
      { type: 'delete', key: 'a\0' },
    ]) {
      await rejects(
        () => transactions.run([{ type: 'store', key: 'a', data: 1 }, step as never]),
        'invalid_argument',
        `run with ${JSON.stringify(step)}`,
      );
      equal(await records.exists('a'), false, 'the first step');
    }
  });

  test('run-in-namespaces', 'a step works in the namespace that it names', all(present, namespaced), async (t) => {
    const { transactions, records } = await open(t);
    const root = await store(records);
    await root.namespace('a').store('gone', 1);
    await transactions.run([
      { type: 'store', key: 'k', data: 'root' },
      { type: 'store', key: 'k', data: 'child', namespace: ['a', 'b/c'] },
      { type: 'delete', key: 'gone', namespace: ['a'] },
    ]);
    equal((await root.retrieve('k'))?.data, 'root', 'data in the root');
    equal((await root.namespace('a').namespace('b/c').retrieve('k'))?.data, 'child', 'data in the namespace');
    equal(await root.namespace('a').exists('gone'), false, 'the deleted record');
  });

  test(
    'run-sees-earlier-steps',
    'a step sees what earlier steps of its run did',
    all(present, conditional),
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('k', 'old');
      const results = await transactions.run([
        { type: 'delete', key: 'k' },
        { type: 'store', key: 'k', data: 'new', options: { ifAbsent: true } },
        { type: 'delete', key: 'k' },
        { type: 'delete', key: 'k' },
      ]);
      equal([results[0], results[2], results[3]], [true, true, false], 'answers of the deletes');
      equal(await records.exists('k'), false, 'the record');
    },
  );

  test(
    'interactive-commits',
    'with commits when its body resolves, and answers what that answers',
    interactive,
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('n', 1);
      const answer = await transactions.with(async (transaction) => {
        const n = (await transaction.records.retrieve<number>('n'))?.data ?? 0;
        await transaction.records.store('n', n + 1);
        await transaction.records.store('m', 'new');
        await transaction.records.delete('none');
        return { n };
      });
      equal(answer, { n: 1 }, 'answer');
      equal(
        (await records.retrieveMany(['n', 'm'])).map((record) => record?.data),
        [2, 'new'],
        'what is there',
      );
    },
  );

  test(
    'interactive-rolls-back',
    'with undoes all when its body rejects, and rejects with the same reason',
    interactive,
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('k', 'old');
      const reason = new Error('the body changed its mind');
      let met: unknown;
      await transactions
        .with(async (transaction) => {
          await transaction.records.store('k', 'new');
          await transaction.records.storeMany([
            { key: 'a', data: 1 },
            { key: 'b', data: 2 },
          ]);
          throw reason;
        })
        .catch((error: unknown) => {
          met = error;
        });
      ok(met === reason, 'the reason is the very same');
      equal(
        (await records.retrieveMany(['k', 'a', 'b'])).map((record) => record?.data),
        ['old', undefined, undefined],
        'what is there',
      );
    },
  );

  test(
    'interactive-sees-itself',
    'inside, reads, lists and queries see the writes of the transaction',
    interactive,
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('a', { n: 1 });
      await transactions.with(async (transaction) => {
        await transaction.records.store('b', { n: 2 });
        await transaction.records.delete('a');
        equal((await transaction.records.retrieve('b'))?.data, { n: 2 }, 'data of a record that was written');
        equal(await transaction.records.exists('a'), false, 'a record that was deleted');
        if (t.recordFlags.list !== 'none')
          sameSet(
            (await transaction.records.list()).items.map((entry) => entry.key),
            ['b'],
            'keys',
          );
        if (t.recordFlags.query !== 'none')
          equal(await transaction.records.count({ filter: { 'data.n': { $gte: 1 } } }), 1, 'count of a filter');
        if (t.recordFlags.namespaces) {
          await transaction.records.namespace('x').store('c', 1);
          equal(await transaction.records.namespace('x').exists('c'), true, 'a record in a namespace');
        }
      });
      equal(await records.exists('b'), true, 'the record after the commit');
    },
  );

  test('interactive-is-unseen', 'nobody else sees a write before the commit', interactive, async (t) => {
    const { transactions, records } = await open(t);
    await records.store('k', 'old');
    let reading: Promise<unknown> | undefined;
    await transactions
      .with(async (transaction) => {
        await transaction.records.store('k', 'new');
        // A store that can't read beside a transaction answers after it; what it must not do is show the write and see it undone.
        reading = records.retrieve('k').then((record) => record?.data);
        await sleep(30);
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    equal(await reading, 'old', 'what another reader saw');
  });

  test('others-are-apart', 'what others write during a transaction is not undone with it', interactive, async (t) => {
    const { transactions, records } = await open(t);
    const others: Promise<unknown>[] = [];
    await transactions
      .with(async (transaction) => {
        await transaction.records.store('inside', 1);
        others.push(records.store('outside', 1), records.storeMany([{ key: 'many', data: 1 }]), records.delete('none'));
        await sleep(30);
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    await Promise.all(others);
    equal(
      (await records.retrieveMany(['inside', 'outside', 'many'])).map((record) => record?.data),
      [undefined, 1, 1],
      'what is there',
    );
  });

  test(
    'transactions-are-serial',
    'transactions that read and write one record at once lose no write',
    interactive,
    async (t) => {
      const { transactions, records } = await open(t);
      await records.store('n', 0);
      const increment = async (transaction: TransactionScope): Promise<void> => {
        const n = (await transaction.records.retrieve<number>('n'))?.data ?? 0;
        await sleep(1);
        await transaction.records.store('n', n + 1);
      };
      let committed = 0;
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let attempt = 0; attempt < 50; attempt++) {
            const end = await transactions.with(increment).then(
              () => 'committed',
              (error: { code?: string }) => error.code,
            );
            if (end === 'committed') {
              committed++;
              return;
            }
            // A store may refuse one of two that meet; it is tried again.
            if (end !== 'conflict' && end !== 'unavailable') fail(`a transaction ended with ${end}`);
          }
        }),
      );
      equal(committed, 8, 'how many committed');
      equal((await records.retrieve('n'))?.data, 8, 'the sum');
    },
  );

  test('over-is-over', 'a scope that is used after its body has settled is invalid_state', interactive, async (t) => {
    const { transactions, records } = await open(t);
    let kept: TransactionScope | undefined;
    await transactions.with(async (transaction) => {
      kept = transaction;
      await transaction.records.store('k', 1);
    });
    const scope = kept ?? fail('the body has run');
    await rejects(() => scope.records.store('late', 1), 'invalid_state', 'store');
    await rejects(() => scope.records.retrieve('k'), 'invalid_state', 'retrieve');
    equal(await records.exists('late'), false, 'the late record');
  });

  test('failed-call-inside', 'a call inside that is refused leaves the transaction usable', interactive, async (t) => {
    const { transactions, records } = await open(t);
    await records.store('taken', 'old');
    await transactions.with(async (transaction) => {
      await transaction.records.store('a', 1);
      await rejects(() => transaction.records.store('', 1), 'invalid_argument', 'a bad key');
      if (t.recordFlags.conditional !== 'none')
        await rejects(
          () => transaction.records.store('taken', 2, { ifAbsent: true }),
          'already_exists',
          'a lost condition',
        );
      await transaction.records.store('b', 2);
    });
    equal(
      (await records.retrieveMany(['a', 'taken', 'b'])).map((record) => record?.data),
      [1, 'old', 2],
      'what is there',
    );
  });

  test(
    'not-interactive',
    'where transactions are not interactive, with is unsupported',
    ({ transactions }) => transactions !== false && !transactions.interactive,
    async (t) => {
      const { transactions } = await open(t);
      let ran = false;
      await rejects(
        () =>
          transactions.with(async () => {
            ran = true;
          }),
        'unsupported',
        'with',
      );
      equal(ran, false, 'whether the body ran');
    },
  );
});
