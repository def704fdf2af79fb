import { isRecordStore, type KeyedRecords } from '@storage/core';
import fc from 'fast-check';
import { equal } from '../assert.ts';
import type { TestContext } from '../context.ts';
import { answerOf, checkProperty } from './check.ts';

/** One operation on one of a few keys. */
type Operation =
  | {
      readonly type: 'store';
      readonly key: string;
      readonly data: number;
      readonly metadata: number | undefined;
      readonly ttl: boolean;
    }
  | { readonly type: 'storeIfAbsent'; readonly key: string; readonly data: number }
  | { readonly type: 'storeIfMatch'; readonly key: string; readonly data: number; readonly stale: boolean }
  | { readonly type: 'retrieve' | 'exists' | 'delete'; readonly key: string }
  | { readonly type: 'touch'; readonly key: string; readonly ttl: boolean }
  | { readonly type: 'storeMany'; readonly keys: readonly string[]; readonly data: number }
  | { readonly type: 'deleteMany' | 'retrieveMany'; readonly keys: readonly string[] }
  | { readonly type: 'list' | 'count' }
  | { readonly type: 'wait' };

interface ModelRecord {
  readonly data: number;
  readonly metadata: object;
  readonly etag: string;
  readonly ttl: boolean;
}

const keyNames: readonly string[] = ['a', 'b', 'a1', 'ab'];

function operations(t: TestContext): fc.Arbitrary<Operation> {
  const { conditional, ttl, level, list, metadata } = t.recordFlags;
  const key = fc.constantFrom(...keyNames);
  const keys = fc.array(key, { maxLength: 5 });
  const data = fc.nat(99);
  const expires = ttl !== false && t.clock.controlled ? fc.boolean() : fc.constant(false);
  const full = level === 'full';
  const made: fc.Arbitrary<Operation>[] = [
    fc.record({
      type: fc.constant('store' as const),
      key,
      data,
      metadata: metadata ? fc.option(fc.nat(9), { nil: undefined }) : fc.constant(undefined),
      ttl: expires,
    }),
    fc.record({ type: fc.constantFrom('retrieve' as const, 'exists' as const, 'delete' as const), key }),
    fc.record({ type: fc.constant('storeMany' as const), keys, data }),
    fc.record({ type: fc.constantFrom('deleteMany' as const, 'retrieveMany' as const), keys }),
  ];
  if (conditional !== 'none') {
    made.push(fc.record({ type: fc.constant('storeIfAbsent' as const), key, data }));
    made.push(fc.record({ type: fc.constant('storeIfMatch' as const), key, data, stale: fc.boolean() }));
  }
  if (ttl !== false && t.clock.controlled) {
    made.push(fc.constant({ type: 'wait' as const }));
    if (full) made.push(fc.record({ type: fc.constant('touch' as const), key, ttl: fc.boolean() }));
  }
  const exact = ttl === false || ttl.listing === 'exact';
  if (full && list !== 'none' && exact)
    made.push(fc.record({ type: fc.constantFrom('list' as const, 'count' as const) }));
  return fc.oneof(...made);
}

/** A store as a map. */
class Model {
  readonly #records = new Map<string, ModelRecord>();
  readonly #etags = new Map<string, string[]>();

  has(key: string): boolean {
    return this.#records.has(key);
  }
  read(key: string): { readonly data: number; readonly metadata: object } | undefined {
    const record = this.#records.get(key);
    return record && { data: record.data, metadata: record.metadata };
  }
  write(key: string, record: ModelRecord): void {
    this.#records.set(key, record);
    this.#etags.set(key, [...(this.#etags.get(key) ?? []), record.etag]);
  }
  delete(key: string): boolean {
    return this.#records.delete(key);
  }
  etag(key: string, stale: boolean): string {
    const now = this.#records.get(key)?.etag;
    if (!stale) return now ?? 'never';
    return this.#etags.get(key)?.findLast((etag) => etag !== now) ?? 'never';
  }
  touch(key: string, ttl: boolean): boolean {
    const record = this.#records.get(key);
    if (record !== undefined) this.#records.set(key, { ...record, ttl });
    return record !== undefined;
  }
  expire(): void {
    for (const [key, record] of this.#records) if (record.ttl) this.#records.delete(key);
  }
  keys(): string[] {
    return [...this.#records.keys()].sort();
  }
}

/** Runs one operation on both, and fails where they differ. */
async function step(
  t: TestContext,
  records: KeyedRecords,
  model: Model,
  prefix: string,
  operation: Operation,
): Promise<void> {
  const { ttlMs, margin } = t.clock;
  const name = (key: string): string => `${prefix}${key}`;
  const put = async (
    key: string,
    data: number,
    options: object,
    record: Partial<ModelRecord>,
    expected: string | undefined,
  ): Promise<void> => {
    const answer = await answerOf(records.store(name(key), data, options));
    equal('code' in answer ? answer.code : undefined, expected, `error of ${operation.type} ${key}`);
    if ('value' in answer) model.write(key, { data, metadata: {}, ttl: false, ...record, etag: answer.value.etag });
  };
  switch (operation.type) {
    case 'store': {
      const metadata = operation.metadata === undefined ? {} : { m: operation.metadata };
      return put(
        operation.key,
        operation.data,
        { metadata, ...(operation.ttl ? { ttlMs } : {}) },
        { metadata, ttl: operation.ttl },
        undefined,
      );
    }
    case 'storeIfAbsent':
      return put(
        operation.key,
        operation.data,
        { ifAbsent: true },
        {},
        model.has(operation.key) ? 'already_exists' : undefined,
      );
    case 'storeIfMatch': {
      const holds = !operation.stale && model.has(operation.key);
      return put(
        operation.key,
        operation.data,
        { ifMatch: model.etag(operation.key, operation.stale) },
        {},
        holds ? undefined : 'conflict',
      );
    }
    case 'retrieve': {
      const read = await records.retrieve(name(operation.key));
      return equal(
        read && { data: read.data, metadata: read.metadata },
        model.read(operation.key),
        `retrieve ${operation.key}`,
      );
    }
    case 'exists':
      return equal(await records.exists(name(operation.key)), model.has(operation.key), `exists ${operation.key}`);
    case 'delete':
      return equal(await records.delete(name(operation.key)), model.delete(operation.key), `delete ${operation.key}`);
    case 'touch': {
      if (!isRecordStore(records)) return;
      const found = await records.touch(name(operation.key), { ttlMs: operation.ttl ? ttlMs : null });
      return equal(found, model.touch(operation.key, operation.ttl), `touch ${operation.key}`);
    }
    case 'storeMany': {
      const outcomes = await records.storeMany(
        operation.keys.map((key, index) => ({ key: name(key), data: operation.data + index })),
      );
      equal(
        outcomes.map((outcome) => outcome.ok),
        operation.keys.map(() => true),
        'outcomes of storeMany',
      );
      for (const [index, key] of operation.keys.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok)
          model.write(key, { data: operation.data + index, metadata: {}, ttl: false, etag: outcome.value.etag });
      }
      return;
    }
    case 'retrieveMany': {
      const read = await records.retrieveMany(operation.keys.map(name));
      return equal(
        read.map((record) => record?.data),
        operation.keys.map((key) => model.read(key)?.data),
        'retrieveMany',
      );
    }
    case 'deleteMany': {
      const outcomes = await records.deleteMany(operation.keys.map(name));
      return equal(
        outcomes.map((outcome) => outcome.ok && outcome.value),
        operation.keys.map((key) => model.delete(key)),
        'deleteMany',
      );
    }
    case 'list': {
      if (!isRecordStore(records)) return;
      const { items } = await records.list({ prefix });
      return equal(items.map((entry) => entry.key.slice(prefix.length)).sort(), model.keys(), 'list');
    }
    case 'count':
      return isRecordStore(records) ? equal(await records.count({ prefix }), model.keys().length, 'count') : undefined;
    case 'wait':
      await t.clock.advance(ttlMs + margin);
      return model.expire();
  }
}

/** Random operations, one after another, against a map. */
export async function checkSequentialModel(t: TestContext): Promise<void> {
  const records = await t.keyed();
  let example = 0;
  const property = fc.asyncProperty(fc.array(operations(t), { minLength: 1, maxLength: 40 }), async (list) => {
    const prefix = `e${example++}-`;
    const model = new Model();
    for (const operation of list) await step(t, records, model, prefix, operation);
  });
  await checkProperty(t, property, t.runs / 2);
}

type PlainOperation = {
  readonly type: 'store' | 'retrieve' | 'exists' | 'delete';
  readonly key: string;
  readonly data: number;
};

/** Random operations that are not awaited: each key sees them in the order of the calls. */
export async function checkProgramOrder(t: TestContext): Promise<void> {
  const records = await t.keyed();
  const type = fc.constantFrom(
    'store' as const,
    'store' as const,
    'retrieve' as const,
    'exists' as const,
    'delete' as const,
  );
  const operation: fc.Arbitrary<PlainOperation> = fc.record({
    type,
    key: fc.constantFrom(...keyNames),
    data: fc.nat(999),
  });
  let example = 0;
  const property = fc.asyncProperty(fc.array(operation, { minLength: 2, maxLength: 40 }), async (list) => {
    const prefix = `p${example++}-`;
    const present = new Map<string, number>();
    const expected: unknown[] = [];
    const calls = list.map(async ({ type, key, data }): Promise<unknown> => {
      const name = `${prefix}${key}`;
      if (type === 'store') {
        present.set(key, data);
        expected.push('stored');
        await records.store(name, data);
        return 'stored';
      }
      if (type === 'retrieve') {
        expected.push(present.get(key));
        return (await records.retrieve(name))?.data;
      }
      expected.push(type === 'delete' && t.recordFlags.deleteReports === 'racy' ? 'any' : present.has(key));
      if (type === 'exists') return records.exists(name);
      present.delete(key);
      const there = await records.delete(name);
      return t.recordFlags.deleteReports === 'racy' ? 'any' : there;
    });
    equal(await Promise.all(calls), expected, 'answers of calls that were not awaited');
    const left = await records.retrieveMany(keyNames.map((key) => `${prefix}${key}`));
    equal(
      left.map((record) => record?.data),
      keyNames.map((key) => present.get(key)),
      'what is there afterwards',
    );
  });
  await checkProperty(t, property, t.runs / 2);
}
