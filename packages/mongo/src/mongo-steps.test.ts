// Writes of several steps: what a failure behind the first step says of the whole.
import { describe, expect, it } from '@jest/globals';
import { unboundedCall, type WriteRow } from '@storage/backend-kit';
import { outcome, type StorageError } from '@storage/core';
import { translateFor } from './mongo-errors.ts';
import { MongoRecords } from './mongo-records.ts';
import { dropNamespace, removeBatch } from './mongo-removes.ts';
import type { MongoStore } from './mongo-store.ts';

/** What the driver says of an operation that it never sent. */
const unsent = (name = 'MongoPoolClearedError'): Error => Object.assign(new Error('secret words'), { name });

const fails = async (): Promise<never> => {
  throw unsent();
};

type Operations = { readonly [operation: string]: (...parameters: readonly never[]) => unknown };

function storeOf(records: Operations, resends = false): MongoStore {
  return { records, resends, transactional: false, now: () => 1 } as unknown as MongoStore;
}

/** What it fails with, as a caller hears of it. */
async function failureOf(work: Promise<unknown>): Promise<StorageError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  return translateFor(undefined)(thrown, { operation: 'records.deleteMany', key: undefined, write: true });
}

function attached(records: Operations, resends = false): MongoRecords {
  const all = new MongoRecords();
  all.attach(storeOf(records, resends), () => undefined);
  return all;
}

const row = (key: string): WriteRow => ({
  key,
  kind: 'json',
  content: '1',
  size: 1,
  etag: 'e',
  contentType: 'application/json',
  metadata: '{}',
  ttlMs: null,
  condition: undefined,
});

/** A store of two keys beside one, so that the two go together. */
async function failuresOfTwo(run: (key: string) => Promise<unknown>): Promise<readonly string[]> {
  const ended = await Promise.all(['first', 'a', 'b'].map((key) => outcome(run(key))));
  return ended.slice(1).map((end) => (end.ok ? 'ok' : `${end.error.code} ${end.error.applied}`));
}

describe('a write whose first step was carried out', () => {
  const found = (documents: readonly unknown[]) => () => ({ toArray: async () => documents });

  it.each<[string, number, Operations]>([
    ['the removal', 2, { deleteMany: fails }],
    ['the look at what was marked', 1, { find: () => ({ toArray: fails }), deleteMany: async () => ({}) }],
  ])('deletes of many are unknown when %s fails', async (_step, modifiedCount, later) => {
    const records = { updateMany: async () => ({ modifiedCount }), ...later };
    const ops = ['a', 'b'].map((key) => ({ ns: '', key }));
    expect(await failureOf(removeBatch(storeOf(records), ops))).toMatchObject({
      code: 'unavailable',
      applied: 'unknown',
    });
    const gathered = attached({ ...records, deleteOne: async () => ({ deletedCount: 1 }) });
    expect(await failuresOfTwo((key) => gathered.remove('', key, undefined, true, unboundedCall))).toEqual([
      'unavailable unknown',
      'unavailable unknown',
    ]);
  });

  it('deletes of many are not applied when the marking was not sent', async () => {
    const gathered = attached({ updateMany: fails, deleteOne: async () => ({ deletedCount: 1 }) });
    expect(await failuresOfTwo((key) => gathered.remove('', key, undefined, true, unboundedCall))).toEqual([
      'unavailable no',
      'unavailable no',
    ]);
  });

  it('is not done again from the first step when others are at its records', async () => {
    let markings = 0;
    const updateMany = async () => {
      markings++;
      return { modifiedCount: 2 };
    };
    const deleteMany = async (): Promise<never> => {
      throw Object.assign(new Error('deadlock detected'), { name: 'MongoServerError', code: 112 });
    };
    const gathered = attached({ updateMany, deleteMany, deleteOne: async () => ({ deletedCount: 1 }) });
    expect(await failuresOfTwo((key) => gathered.remove('', key, undefined, true, unboundedCall))).toEqual([
      'unavailable unknown',
      'unavailable unknown',
    ]);
    expect(markings).toBe(1);
  }, 20_000);

  it.each<[string, Operations]>([
    ['unknown', { bulkWrite: async () => ({ upsertedIds: {} }), find: () => ({ toArray: fails }) }],
    ['unknown', { bulkWrite: () => Promise.reject(Object.assign(unsent(), { upsertedCount: 0, matchedCount: 1 })) }],
    ['no', { bulkWrite: fails, find: found([]) }],
  ])('stores of many are %s', async (applied, operations) => {
    const findOneAndUpdate = async () => null;
    const gathered = attached({ findOneAndUpdate, ...operations });
    expect(await failuresOfTwo((key) => gathered.write('', row(key), unboundedCall))).toEqual([
      `unavailable ${applied}`,
      `unavailable ${applied}`,
    ]);
  });

  it.each([
    [1, 'unknown'],
    [0, 'no'],
  ])('a namespace of which %i records went is dropped: %s', async (deletedCount, applied) => {
    const cursor = { sort: () => cursor, skip: () => cursor, limit: () => cursor, next: async () => null };
    let turns = 0;
    const deleteMany = async () => (turns++ === 0 ? { deletedCount } : fails());
    const error = await failureOf(dropNamespace(storeOf({ find: () => cursor, deleteMany }), 'n', true, unboundedCall));
    expect(error).toMatchObject({ code: 'unavailable', applied });
  });
});

describe('a write that the driver may have sent before', () => {
  it.each([
    [true, 'unknown'],
    [false, 'no'],
  ])('resends: %s, applied: %s', async (resends, applied) => {
    const translate = translateFor({ resends });
    for (const name of ['MongoServerSelectionError', 'MongoPoolClearedError']) {
      const told = translate(unsent(name), { operation: 'records.touch', key: 'k', write: true });
      expect(told).toMatchObject({ code: 'unavailable', applied });
    }
    const gathered = attached({ updateMany: fails, deleteOne: fails }, resends);
    expect(await failuresOfTwo((key) => gathered.remove('', key, undefined, true, unboundedCall))).toEqual([
      `unavailable ${applied}`,
      `unavailable ${applied}`,
    ]);
  });

  it('is not applied where the server says so, and reads say nothing of it', () => {
    const translate = translateFor({ resends: true });
    const undone = Object.assign(new Error('x'), { name: 'MongoServerError', code: 112 });
    expect(translate(undone, { operation: 'records.store', key: 'k', write: true }).applied).toBe('no');
    expect(translate(unsent(), { operation: 'records.retrieve', key: 'k', write: false }).applied).toBeUndefined();
  });
});
