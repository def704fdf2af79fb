import { describe, expect, test } from '@jest/globals';
import { mapProvider } from '../../test/map-provider.ts';
import { createRegistry, DataManager, type JsonValue, providerQueryFacet, StorageError } from '../index.ts';
import { defineProvider, type ProviderDefinition } from './define-provider.ts';

const bare: ProviderDefinition = {
  name: 'custom',
  store: () => undefined,
  retrieve: () => undefined,
  delete: () => false,
};

test('keeps records by key', async () => {
  await using backend = mapProvider();
  await backend.open();
  const info = await backend.records.store('k', { a: 1, gone: undefined }, { metadata: { m: 1 } });
  expect(info).toMatchObject({ key: 'k', kind: 'json', etag: '', size: 7, metadata: {} });
  expect(await backend.records.retrieve('k')).toMatchObject({ data: { a: 1 } });
  expect(await backend.records.exists('k')).toBe(true);
  expect(await backend.records.delete('k')).toBe(true);
  expect(await backend.records.delete('k')).toBe(false);
  expect(await backend.records.retrieve('k')).toBeUndefined();
});

test('hands the provider its own copy, metadata included', async () => {
  const seen: unknown[] = [];
  const backend = mapProvider({
    store: (...args) => {
      seen.push(...args);
      return undefined;
    },
  });
  await backend.open();
  const data = { at: new Date(0) };
  await backend.records.store('k', data, { metadata: { at: new Date(0) } });
  expect(seen).toEqual(['k', { at: '1970-01-01T00:00:00.000Z' }, { at: '1970-01-01T00:00:00.000Z' }]);
});

test('the capabilities say what it is', () => {
  const { capabilities, vectors, messaging, transactions, graph } = defineProvider(bare);
  expect(capabilities).toMatchObject({
    records: {
      level: 'keyed',
      bytes: false,
      metadata: false,
      ttl: false,
      conditional: 'none',
      query: 'none',
      list: 'none',
    },
    vectors: false,
    facets: [],
  });
  expect([vectors, messaging, transactions, graph]).toEqual([undefined, undefined, undefined, undefined]);
  expect(mapProvider().capabilities.facets).toEqual([providerQueryFacet.id]);
  expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
});

describe('what store answers', () => {
  const dm = (result: Awaited<ReturnType<ProviderDefinition['store']>>): DataManager =>
    new DataManager({ registry: createRegistry() }).registerProvider(
      'custom',
      mapProvider({ store: async () => result ?? undefined }),
    );

  test('success: false is an error with its reason', async () => {
    await expect(dm({ success: false, error: 'disk on fire' }).store('custom', 1)).rejects.toMatchObject({
      code: 'internal',
      message: "Provider 'custom': could not store: disk on fire.".replace('custom', 'map'),
      applied: 'unknown',
      backend: 'map',
    });
  });

  test('another key is where the data lies', async () => {
    expect((await dm({ success: true, key: 'elsewhere' }).store('custom', 1)).key).toBe('elsewhere');
  });
});

describe('refused before the provider is asked', () => {
  const untouched = async (): Promise<ReturnType<typeof defineProvider>> => {
    const touched = (): never => {
      throw new Error('was asked');
    };
    const backend = defineProvider({ name: 'custom', store: touched, retrieve: touched, delete: touched });
    await backend.open();
    return backend;
  };

  test.each([
    ['ttlMs', { ttlMs: 5 }],
    ['ifAbsent', { ifAbsent: true as const }],
    ['ifMatch', { ifMatch: 'x' }],
  ])('a store with %s', async (name, options) => {
    const { records } = await untouched();
    await expect(records.store('k', 1, options)).rejects.toMatchObject({
      code: 'unsupported',
      applied: 'no',
      message: `Provider 'custom': has no ${name}; leave it out.`,
      operation: 'records.store',
      key: 'k',
    });
  });

  test('bytes, bad values, bad keys and an aborted signal', async () => {
    const { records } = await untouched();
    await expect(records.store('k', new Uint8Array(1))).rejects.toMatchObject({ code: 'unsupported', applied: 'no' });
    await expect(records.store('k', { a: 1n })).rejects.toMatchObject({ code: 'invalid_argument', applied: 'no' });
    await expect(records.store('', 1)).rejects.toMatchObject({ code: 'invalid_argument', applied: 'no' });
    await expect(records.retrieve('\0')).rejects.toMatchObject({ code: 'invalid_argument', applied: undefined });
    const signal = AbortSignal.abort();
    await expect(records.delete('k', { signal })).rejects.toMatchObject({
      code: 'aborted',
      applied: 'no',
      cause: signal.reason,
    });
    for (const metadata of [null, [], 'text'] as never[])
      await expect(records.store('k', 1, { metadata })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test.each([
    { timeoutMs: 0 },
    { timeoutMs: Number.NaN },
    { timeoutMs: '5' },
    { signal: {} },
    { signal: null },
    { ttlMs: -1 },
    { ttlMs: null },
    { ifMatch: 1 },
    { contentType: 5 },
  ])('a bad option: %p', async (options) => {
    const { records } = await untouched();
    await expect(records.store('k', 1, options as never)).rejects.toMatchObject({
      code: 'invalid_argument',
      applied: 'no',
      operation: 'records.store',
    });
  });

  test('a batch with a member that is not legal', async () => {
    const { records } = await untouched();
    for (const item of [{ key: '', data: 2 }, { key: 'b', data: 2, ttlMs: -1 }, null] as never[])
      await expect(records.storeMany([{ key: 'a', data: 1 }, item])).rejects.toMatchObject({
        code: 'invalid_argument',
        applied: 'no',
        operation: 'records.storeMany',
      });
    for (const call of [records.retrieveMany(['a', '']), records.deleteMany(['a', ''])])
      await expect(call).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('an atomic batch, and one that is too large', async () => {
    const { records } = await untouched();
    await expect(records.storeMany([{ key: 'a', data: 1 }], { atomic: true })).rejects.toMatchObject({
      code: 'unsupported',
    });
    const keys = Array.from({ length: 10_001 }, String);
    for (const call of [records.deleteMany(keys), records.retrieveMany(keys)])
      await expect(call).rejects.toMatchObject({ code: 'too_large', details: { limit: 10_000, actual: 10_001 } });
  });
});

test('batches keep their order; a member that fails has its own outcome', async () => {
  const kept = new Map<string, JsonValue>();
  const backend = mapProvider({
    store: (key, data) => {
      if (key === 'full') throw new Error('no room');
      kept.set(key, data);
      return undefined;
    },
    retrieve: (key) => kept.get(key),
    delete: (key) => kept.delete(key),
  });
  await backend.open();
  const { records } = backend;
  const stored = await records.storeMany([
    { key: 'a', data: 1 },
    { key: 'full', data: 2 },
    { key: 'a', data: 3 },
  ]);
  expect(stored.map((outcome) => (outcome.ok ? outcome.value.key : outcome.error.toJSON()))).toEqual([
    'a',
    expect.objectContaining({ code: 'internal', key: 'full', operation: 'records.storeMany', applied: 'unknown' }),
    'a',
  ]);
  expect((await records.retrieveMany(['b', 'a'])).map((record) => record?.data)).toEqual([undefined, 3]);
  expect((await records.deleteMany(['a', 'a'])).map((outcome) => outcome.ok && outcome.value)).toEqual([true, false]);
});

test('a batch that is aborted meanwhile leaves its other members alone', async () => {
  const controller = new AbortController();
  const seen: string[] = [];
  const backend = mapProvider({
    store: (key) => {
      seen.push(key);
      controller.abort();
      return undefined;
    },
  });
  await backend.open();
  const items = ['a', 'b'].map((key) => ({ key, data: 1 }));
  const outcomes = await backend.records.storeMany(items, { signal: controller.signal });
  expect(outcomes.map((outcome) => outcome.ok || [outcome.error.code, outcome.error.applied])).toEqual([
    true,
    ['aborted', 'no'],
  ]);
  expect(seen).toEqual(['a']);
});

test('what is read is a copy; what is given is taken when the call is made', async () => {
  const backend = mapProvider();
  await backend.open();
  const items = [
    { key: 'a', data: { n: 1 } },
    { key: 'b', data: { n: 1 } },
  ];
  const storing = backend.records.storeMany(items);
  for (const { data } of items) data.n = 2;
  await storing;
  const read = await backend.records.retrieve<{ n: number }>('b');
  expect(read?.data).toEqual({ n: 1 });
  if (read) read.data.n = 3;
  expect((await backend.records.retrieve('b'))?.data).toEqual({ n: 1 });
});

test('what the provider throws becomes a StorageError; its own keeps its code', async () => {
  const defect = new RangeError('oops');
  const full = new StorageError({ code: 'quota_exceeded', message: 'full' });
  const backend = mapProvider({
    store: () => {
      throw defect;
    },
    retrieve: async () => Promise.reject(full),
  });
  await backend.open();
  await expect(backend.records.store('k', 1)).rejects.toMatchObject({
    code: 'internal',
    applied: 'unknown',
    cause: defect,
    backend: 'map',
    key: 'k',
  });
  await expect(backend.records.retrieve('k')).rejects.toMatchObject({
    code: 'quota_exceeded',
    message: 'full',
    backend: 'map',
  });
});

test('a query is offered only when there is one', async () => {
  expect(defineProvider(bare).facet(providerQueryFacet)).toBeUndefined();
  class Rows {
    readonly name = 'rows';
    readonly rows = [1, 2, 3];
    store(): undefined {
      return undefined;
    }
    retrieve(): undefined {
      return undefined;
    }
    delete(): boolean {
      return false;
    }
    query(_: object, limit: number): readonly number[] {
      return this.rows.slice(0, limit);
    }
  }
  const dm = new DataManager().registerProvider('rows', defineProvider(new Rows()));
  expect(await dm.query('rows', {}, { limit: 2 })).toEqual([1, 2]);
});

describe('lifecycle', () => {
  test('opens once, closes once, and says what it is meanwhile', async () => {
    const calls: string[] = [];
    const backend = mapProvider({ open: () => void calls.push('open'), close: () => void calls.push('close') });
    expect(await backend.health()).toMatchObject({ status: 'unknown' });
    await expect(backend.records.retrieve('k')).rejects.toMatchObject({ code: 'not_initialized' });
    await Promise.all([backend.open(), backend.open()]);
    expect(await backend.health()).toMatchObject({ name: 'map', status: 'healthy' });
    await backend.close();
    await backend.close();
    expect(calls).toEqual(['open', 'close']);
    expect(await backend.health()).toMatchObject({ status: 'unhealthy' });
    await expect(backend.records.retrieve('k')).rejects.toMatchObject({ code: 'closed' });
    await expect(backend.open()).rejects.toMatchObject({ code: 'closed' });
  });

  test('an opening that failed is tried again', async () => {
    let failures = 1;
    const backend = mapProvider({
      open: async () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    await expect(backend.open()).rejects.toMatchObject({ code: 'internal', cause: new Error('not yet') });
    await backend.open();
    expect(await backend.health()).toMatchObject({ status: 'healthy' });
  });

  test('close waits for what is in flight, a batch to its end', async () => {
    const calls: string[] = [];
    const backend = mapProvider({
      store: async (key) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        calls.push(key);
      },
      close: () => void calls.push('close'),
    });
    await backend.open();
    const storing = backend.records.storeMany(['a', 'b'].map((key) => ({ key, data: 1 })));
    const closing = backend.close();
    await expect(backend.records.store('late', 1)).rejects.toMatchObject({ code: 'closed', applied: 'no' });
    await closing;
    expect(calls).toEqual(['a', 'b', 'close']);
    expect((await storing).map(({ ok }) => ok)).toEqual([true, true]);
  });

  test('what is closed while it opens is closed once it is open; what never opened is not', async () => {
    const calls: string[] = [];
    let release = (): void => undefined;
    const definition = {
      open: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
      close: () => void calls.push('close'),
    };
    const opening = mapProvider(definition);
    const opened = opening.open();
    const closed = opening.close();
    release();
    await Promise.all([opened, closed]);
    expect(calls).toEqual(['close']);
    await mapProvider(definition).close();
    expect(calls).toEqual(['close']);
  });
});

test.each(['store', 'retrieve', 'delete'])('a definition without %s is refused', (method) => {
  expect(() => defineProvider({ ...bare, [method]: undefined } as unknown as ProviderDefinition)).toThrow(
    `Provider 'custom': needs a function '${method}'.`,
  );
});
