import { beforeEach, describe, expect, it } from '@jest/globals';
import { isRecordStore, type RecordCapabilities, type RecordStore, StorageError } from '@storage/core';
import { createKeyedRecords, createLifecycle, createRecordStore } from '../src/index.ts';
import { FakeDriver, openContext } from './fake-driver.ts';

let driver: FakeDriver;
let store: RecordStore;

async function setUp(records: Partial<RecordCapabilities> = {}): Promise<void> {
  driver = new FakeDriver();
  store = createRecordStore(driver, await openContext({}, records));
}

async function fill(count: number): Promise<void> {
  await store.storeMany(
    Array.from({ length: count }, (_, index) => ({
      key: `k${String(index).padStart(3, '0')}`,
      data: { n: index, group: index % 10 },
    })),
  );
}

beforeEach(() => setUp());

describe('calls on one key', () => {
  it('stores and retrieves with all that is known', async () => {
    const info = await store.store(
      'a',
      { x: [1, new Date(0)] },
      { metadata: { tag: 't' }, ttlMs: 100, contentType: 'text/x-json' },
    );
    expect(info).toMatchObject({
      key: 'a',
      kind: 'json',
      size: 36,
      contentType: 'text/x-json',
      metadata: { tag: 't' },
    });
    expect(info.etag).toMatch(/^[\w-]{16}$/);
    const record = await store.retrieve('a');
    expect(record).toEqual({ ...info, data: { x: [1, '1970-01-01T00:00:00.000Z'] } });
    expect(record?.expiresAt).toEqual(new Date(1_700_000_000_100));
    expect(await store.retrieveText('a')).toMatchObject({ data: '{"x":[1,"1970-01-01T00:00:00.000Z"]}' });
    expect(await store.exists('a')).toBe(true);
    expect(await store.delete('a')).toBe(true);
    expect(await store.retrieve('a')).toBeUndefined();
  });

  it('leaves out what is not there and shares the empty metadata', async () => {
    const info = await store.store('b', new Uint8Array([1, 2]));
    expect(info).toMatchObject({ kind: 'bytes', contentType: 'application/octet-stream', size: 2 });
    expect('expiresAt' in info).toBe(false);
    expect(info.metadata).toBe((await store.retrieve('b'))?.metadata);
    await expect(store.retrieveText('b')).rejects.toMatchObject({ code: 'invalid_state', key: 'b' });
  });

  it('tells the index of what is wrong in a batch, and stores nothing', async () => {
    const call = store.storeMany([
      { key: 'a', data: 1 },
      { key: '', data: 2 },
    ]);
    await expect(call).rejects.toMatchObject({
      code: 'invalid_argument',
      applied: 'no',
      operation: 'records.storeMany',
      details: { index: 1 },
    });
    await expect(store.retrieveMany(Array.from({ length: 10_001 }, () => 'k'))).rejects.toMatchObject({
      code: 'too_large',
    });
    expect(driver.asked).toEqual([]);
  });

  it('answers batches in order with an outcome each', async () => {
    await store.store('b', 0);
    const outcomes = await store.storeMany([
      { key: 'a', data: 1, metadata: { m: 1 } },
      { key: 'b', data: 2, ifAbsent: true },
    ]);
    expect(outcomes).toMatchObject([
      { ok: true, value: { key: 'a', metadata: { m: 1 } } },
      {
        ok: false,
        error: { code: 'already_exists', key: 'b', applied: 'no', backend: 'fake', operation: 'records.storeMany' },
      },
    ]);
    expect((await store.retrieveMany(['b', 'x', 'a', 'b'])).map((record) => record?.data)).toEqual([
      0,
      undefined,
      1,
      0,
    ]);
    expect(await store.deleteMany(['a', 'x'])).toEqual([
      { ok: true, value: true },
      { ok: true, value: false },
    ]);
  });

  it('makes an error of what the driver throws', async () => {
    driver.failure = new TypeError('secret');
    const error: unknown = await store.store('a', 1).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'internal', operation: 'records.store', key: 'a', applied: 'unknown' });
    expect((error as Error).message).not.toContain('secret');
    driver.failure = new StorageError({ code: 'conflict', message: 'm' });
    await expect(store.delete('a', { ifMatch: 'e' })).rejects.toMatchObject({
      code: 'conflict',
      operation: 'records.delete',
      applied: 'no',
    });
    driver.failure = new StorageError({ code: 'unavailable', message: 'm' });
    await expect(store.retrieve('a')).rejects.toMatchObject({
      code: 'unavailable',
      applied: undefined,
      retryable: true,
    });
  });

  it('says what is stored and can not be read', async () => {
    await store.store('a', 1);
    driver.spaces.get('')?.set('a', { ...driver.read('', 'a'), content: '{oops' } as never);
    await expect(store.retrieve('a')).rejects.toMatchObject({ code: 'corrupt', key: 'a' });
  });

  it('refuses calls before open and after close, by rejecting', async () => {
    const lifecycle = createLifecycle({ backend: 'fake', open: () => undefined, close: () => undefined });
    const records = createKeyedRecords(driver, await openContext({ lifecycle }));
    await expect(records.store('a', 1)).rejects.toMatchObject({
      code: 'not_initialized',
      applied: 'no',
      operation: 'records.store',
    });
    await lifecycle.open();
    await records.store('a', 1);
    await lifecycle.close();
    await expect(records.retrieve('a')).rejects.toMatchObject({ code: 'closed' });
    expect(isRecordStore(records)).toBe(false);
  });

  it('settles with aborted or timeout, and knows whether a write was sent', async () => {
    await expect(store.store('a', 1, { signal: AbortSignal.abort(5) })).rejects.toMatchObject({
      code: 'aborted',
      applied: 'no',
      cause: 5,
    });
    const slow = createKeyedRecords(
      { ...driver, write: () => new Promise<never>(() => undefined) } as never,
      await openContext({
        capabilities: { ...(await openContext()).capabilities, abort: 'client' },
        defaultTimeoutMs: 10,
      }),
    );
    await expect(slow.store('a', 1)).rejects.toMatchObject({
      code: 'timeout',
      applied: 'unknown',
      details: { timeoutMs: 10 },
    });
    const controller = new AbortController();
    const call = slow.store('a', 1, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'aborted', applied: 'unknown' });
  });
});

describe.each(['exact', 'superset'] as const)('queries over a filter that is %s', (precision) => {
  beforeEach(async () => {
    driver.precision = precision;
    await fill(120);
  });

  it('pages through the matches, each once and in order', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.query({ filter: { 'data.group': 3 }, limit: 5, cursor });
      expect(page.items.length).toBeLessThanOrEqual(5);
      seen.push(...page.items.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => `k${String(index * 10 + 3).padStart(3, '0')}`));
  });

  it('fills a page however few match', async () => {
    const page = await store.query({ filter: { 'data.n': { $in: [1, 118] } }, limit: 2 });
    expect(page.items.map(({ key }) => key)).toEqual(['k001', 'k118']);
  });

  it('counts, iterates and deletes exactly what matches', async () => {
    const filter = { 'data.group': { $gte: 8 } };
    expect(await store.count({ filter, prefix: 'k0' })).toBe(20);
    const keys: string[] = [];
    for await (const { key } of store.iterate({ filter, limit: 3 })) keys.push(key);
    expect(keys).toEqual(['k008', 'k009', 'k018']);
    expect(await store.deleteWhere(filter)).toBe(24);
    expect(await store.count()).toBe(96);
    expect(driver.asked.includes('removeWhere')).toBe(precision === 'exact');
  });

  it('sorts across pages', async () => {
    const sort = [{ path: 'data.group', direction: 'desc' }, { path: 'data.n' }] as const;
    const first = await store.query({ filter: { 'data.n': { $lt: 30 } }, sort, limit: 2 });
    const second = await store.query({ filter: { 'data.n': { $lt: 30 } }, sort, limit: 2, cursor: first.cursor });
    expect([...first.items, ...second.items].map(({ key }) => key)).toEqual(['k009', 'k019', 'k029', 'k008']);
    await expect(store.query({ sort, limit: 2, cursor: first.cursor })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('asks nothing where nothing can match', async () => {
    driver.asked.length = 0;
    expect(await store.query({ filter: { 'data.n': { $in: [] } } })).toEqual({ items: [] });
    expect(await store.count({ filter: { $or: [] } })).toBe(0);
    expect(await store.deleteWhere({ $or: [] })).toBe(0);
    expect(driver.asked).toEqual([]);
  });
});

describe('what post-filtering must not do', () => {
  it('stops at the scan limit without deleting anything', async () => {
    await setUp({ scanLimit: 50 });
    driver.precision = 'superset';
    await fill(60);
    await expect(store.query({ filter: { 'data.n': 59 } })).rejects.toMatchObject({
      code: 'scan_limit',
      details: { scanLimit: 50 },
    });
    await expect(store.deleteWhere({ 'data.n': { $gte: 0 } })).rejects.toMatchObject({ code: 'scan_limit' });
    expect(driver.spaces.get('')?.size).toBe(60);
    expect((await store.query({ filter: { 'data.n': 1 }, limit: 1 })).items).toHaveLength(1);
  });

  it('a record is counted once, however pages fall', async () => {
    await setUp({ scanLimit: 1000 });
    driver.precision = 'superset';
    await fill(1000);
    // The first ones do not match, so pages end in the middle of what was read for them.
    const seen = [];
    for await (const { key } of store.iterate({ filter: { 'data.n': { $gte: 7 } } })) seen.push(key);
    expect(seen).toHaveLength(993);
  });

  it('does not delete what changed and no longer matches, and deletes what still does', async () => {
    driver.precision = 'superset';
    await store.store('a', { n: 1 });
    await store.store('b', { n: 1 });
    const page = driver.page.bind(driver);
    driver.page = (ns, request) => {
      const result = page(ns, request);
      void store.store('a', { n: 2 });
      void store.store('b', { n: 1, more: true });
      return result;
    };
    expect(await store.deleteWhere({ 'data.n': 1 })).toBe(1);
    expect([...(driver.spaces.get('')?.keys() ?? [])]).toEqual(['a']);
  });
});

describe('lists, selections and namespaces', () => {
  it('lists keys by prefix and with their info', async () => {
    await fill(12);
    const first = await store.list({ prefix: 'k00', limit: 4 });
    expect(first.items[0]).toMatchObject({ key: 'k000', size: 17, etag: expect.any(String) });
    const rest = await store.list({ prefix: 'k00', cursor: first.cursor, include: 'info' });
    expect(rest.items.map(({ key }) => key)).toEqual(['k004', 'k005', 'k006', 'k007', 'k008', 'k009']);
    expect(rest.items[0]?.info).toMatchObject({ key: 'k004', metadata: {} });
    expect(rest.cursor).toBeUndefined();
    await expect(store.list({ prefix: 'k01', cursor: first.cursor })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(store.namespace('x').list({ prefix: 'k00', cursor: first.cursor })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('selects paths as they are nested', async () => {
    await store.store('a', JSON.parse('{"x":{"y":1,"z":2},"l":[{"q":1}],"__proto__":{"p":3},"u":4}'));
    const { items } = await store.query({
      select: ['data.x.y', 'data.l', 'data.__proto__.p', 'data.gone', 'data.l.q', 'data.u.v'],
    });
    expect(JSON.stringify(items[0]?.data)).toBe('{"x":{"y":1},"l":[{"q":1}],"__proto__":{"p":3}}');
    expect((await store.query({ select: ['data'] })).items[0]?.data).toMatchObject({ u: 4 });
  });

  it('confines a namespace and lists and drops it', async () => {
    const child = store.namespace('a').namespace('b/c');
    await child.store('k', 1);
    await store.store('k', 2);
    expect((await child.retrieve('k'))?.data).toBe(1);
    expect(await store.namespace('a').namespaces()).toEqual({ items: ['b/c'] });
    await store.namespace('c').store('k', 3);
    const first = await store.namespaces({ recursive: true, limit: 1 });
    expect(first.items).toEqual(['a/b~1c']);
    expect(await store.namespaces({ recursive: true, cursor: first.cursor })).toEqual({ items: ['c'] });
    await expect(store.namespaces({ cursor: first.cursor })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await child.dropNamespace()).toEqual({ deleted: 1 });
    expect(await store.count()).toBe(1);
    expect(() => store.namespace('')).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    expect(() => store.namespace('x'.repeat(97))).toThrow(expect.objectContaining({ code: 'too_large' }));
  });

  it('refuses what the capabilities do not have', async () => {
    await setUp({
      list: 'none',
      query: 'none',
      namespaces: false,
      ttl: false,
      conditional: 'none',
      bytes: false,
      deleteWhere: 'none',
      sort: false,
    });
    const unsupported = expect.objectContaining({ code: 'unsupported' });
    await expect(store.list()).rejects.toEqual(unsupported);
    await expect(store.query()).rejects.toEqual(unsupported);
    await expect(store.deleteWhere({})).rejects.toEqual(unsupported);
    await expect(store.store('a', 1, { ttlMs: 5 })).rejects.toEqual(unsupported);
    await expect(store.store('a', 1, { ifAbsent: true })).rejects.toEqual(unsupported);
    await expect(store.store('a', new Uint8Array())).rejects.toEqual(unsupported);
    await expect(store.touch('a', { ttlMs: null })).rejects.toEqual(unsupported);
    expect(() => store.namespace('a')).toThrow(unsupported);
  });
});

describe('streams', () => {
  async function* chunksOf(...chunks: readonly unknown[]): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield chunk as Uint8Array;
  }

  async function collect(chunks: AsyncIterable<Uint8Array> | undefined): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks ?? []) parts.push(chunk);
    return Buffer.concat(parts).toString();
  }

  it('stores chunks and reads them, whole and in part', async () => {
    await expect(store.storeStream('s', chunksOf(Buffer.from('hello '), Buffer.from('world')))).resolves.toMatchObject({
      kind: 'bytes',
      size: 11,
    });
    expect(await collect((await store.retrieveStream('s'))?.data)).toBe('hello world');
    expect(await collect((await store.retrieveStream('s', { range: { offset: 6, length: 3 } }))?.data)).toBe('wor');
    expect(await collect((await store.retrieveStream('s', { range: { offset: 60 } }))?.data)).toBe('');
    expect(await store.retrieveStream('none')).toBeUndefined();
  });

  it('stores nothing when a chunk is none, the source fails, or it is too much', async () => {
    await expect(store.storeStream('s', chunksOf('text'))).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(store.storeStream('s', chunksOf(Buffer.alloc(9000), Buffer.alloc(9000)))).rejects.toMatchObject({
      code: 'too_large',
      applied: 'no',
    });
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      throw new Error('source');
    })();
    await expect(store.storeStream('s', failing)).rejects.toMatchObject({ code: 'aborted', applied: 'no', key: 's' });
    expect(await store.exists('s')).toBe(false);
  });

  it('does not wait for a source that stalls longer than the call may take', async () => {
    let released = false;
    const stalled: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          released = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(store.storeStream('s', stalled, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'timeout' });
    expect(released).toBe(true);
    expect(await store.exists('s')).toBe(false);
  });

  it('ends a stream by its signal', async () => {
    await store.storeStream('s', chunksOf(Buffer.alloc(64)));
    const controller = new AbortController();
    const record = await store.retrieveStream('s', { signal: controller.signal });
    const read = (async () => {
      for await (const chunk of record?.data ?? []) if (chunk.length > 0) controller.abort();
    })();
    await expect(read).rejects.toMatchObject({ code: 'aborted', operation: 'records.retrieveStream' });
  });
});
