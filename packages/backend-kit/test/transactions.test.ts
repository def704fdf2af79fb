import { beforeEach, describe, expect, it } from '@jest/globals';
import { type RecordStore, StorageError, type Transactions } from '@storage/core';
import { createRecordStore, createTransactions, stepFailed, type TransactionDriver } from '../src/index.ts';
import { capabilities, FakeDriver, type FakeFilter, openContext, recordCapabilities } from './fake-driver.ts';

let driver: FakeDriver;
let store: RecordStore;
let transactions: Transactions;
let log: string[];

function makeDriver(): TransactionDriver<FakeFilter> {
  return {
    run: (steps) =>
      steps.map((step, index) => {
        try {
          return step.type === 'write' ? driver.write(step.ns, step.row) : driver.remove(step.ns, step.key, step.etag);
        } catch (error) {
          throw stepFailed(error as StorageError, index);
        }
      }),
    with: async (body) => {
      try {
        const result = await body(driver);
        log.push('commit');
        return result;
      } catch (error) {
        log.push('rollback');
        throw error;
      }
    },
  };
}

beforeEach(async () => {
  driver = new FakeDriver();
  log = [];
  const context = await openContext({
    capabilities: { ...capabilities, records: recordCapabilities, transactions: { interactive: true } },
  });
  store = createRecordStore(driver, context);
  transactions = createTransactions(makeDriver(), context);
});

describe('run', () => {
  it('answers in the order of the steps', async () => {
    const results = await transactions.run([
      { type: 'store', key: 'a', data: 1, namespace: ['n', 'm/o'] },
      { type: 'delete', key: 'b' },
    ]);
    expect(results).toMatchObject([{ key: 'a', metadata: {} }, false]);
    expect((await store.namespace('n').namespace('m/o').retrieve('a'))?.data).toBe(1);
    expect(await transactions.run([])).toEqual([]);
  });

  it('says which step failed, or could not be', async () => {
    const steps = [
      { type: 'store', key: 'a', data: 1 },
      { type: 'delete', key: 'b', options: { ifMatch: 'x' } },
    ] as const;
    await expect(transactions.run(steps)).rejects.toMatchObject({
      code: 'conflict',
      applied: 'no',
      operation: 'transactions.run',
      details: { index: 1 },
    });
    const before = driver.asked.length;
    await expect(
      transactions.run([
        { type: 'store', key: 'a', data: 1 },
        { type: 'store', key: '', data: 2 },
      ]),
    ).rejects.toMatchObject({ code: 'invalid_argument', details: { index: 1 } });
    await expect(transactions.run([{ type: 'patch', key: 'a' } as never])).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(driver.asked).toHaveLength(before);
  });
});

describe('with', () => {
  it('commits what the body did, and takes no calls afterwards', async () => {
    let kept: RecordStore | undefined;
    const answer = await transactions.with(async ({ records }) => {
      kept = records;
      void records.store('late', 1);
      await records.namespace('n').store('a', 1);
      return 'done';
    });
    expect(answer).toBe('done');
    expect(log).toEqual(['commit']);
    await expect(kept?.store('b', 1)).rejects.toMatchObject({ code: 'invalid_state', applied: 'no' });
    await expect(kept?.namespace('n').retrieve('a')).rejects.toMatchObject({ code: 'invalid_state' });
  });

  it('rolls back and rejects with the body’s own reason', async () => {
    const reason = { mine: true };
    await expect(transactions.with(() => Promise.reject(reason))).rejects.toBe(reason);
    await expect(
      transactions.with(() => {
        throw reason;
      }),
    ).rejects.toBe(reason);
    expect(log).toEqual(['rollback', 'rollback']);
  });

  it('rolls back what is over time', async () => {
    const slow = transactions.with(() => new Promise((resolve) => setTimeout(resolve, 20)), { timeoutMs: 5 });
    await expect(slow).rejects.toMatchObject({ code: 'timeout' });
    expect(log).toEqual(['rollback']);
  });

  it('is unsupported where there is none', async () => {
    const { run } = makeDriver();
    const plain = createTransactions(
      { run },
      await openContext({ capabilities: { ...capabilities, transactions: { interactive: false } } }),
    );
    await expect(plain.with(async () => 1)).rejects.toMatchObject({ code: 'unsupported' });
  });

  it('makes an error of ours of a commit that fails', async () => {
    const failing: TransactionDriver<FakeFilter> = {
      run: () => [],
      with: async (body) => {
        await body(driver);
        throw new StorageError({ code: 'unavailable', message: 'lost' });
      },
    };
    const lost = createTransactions(
      failing,
      await openContext({ capabilities: { ...capabilities, transactions: { interactive: true } } }),
    );
    await expect(lost.with(async () => 1)).rejects.toMatchObject({
      code: 'unavailable',
      applied: 'unknown',
      operation: 'transactions.with',
    });
  });
});
