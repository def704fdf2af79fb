import { describe, expect, test } from '@jest/globals';
import { stubBackend } from '../test/stub-backend.ts';
import { defineProvider } from './agents/define-provider.ts';
import { DataManager, getDataManager, resetDataManager } from './data-manager.ts';
import { StorageError } from './errors.ts';
import { definePlugin } from './plugin.ts';
import { referenceToUri } from './reference.ts';
import { createRegistry } from './registry.ts';

const empty = createRegistry();
const manager = (): DataManager => new DataManager({ registry: empty, env: {} });

describe('store and retrieve', () => {
  test('a reference says where the data lies, and finds it', async () => {
    const dm = manager().registerProvider('main', stubBackend({ name: 'sqlite' }));
    const ref = await dm.store('main', { user: 'alice' }, { key: 'user_alice', metadata: { a: 1, gone: undefined } });
    expect(ref).toEqual({
      storageType: 'main',
      kind: 'relational',
      key: 'user_alice',
      metadata: { a: 1 },
      createdAt: expect.any(Date),
    });
    expect(await dm.retrieve(ref)).toEqual({ user: 'alice' });
    expect(await dm.retrieve(referenceToUri(ref))).toEqual({ user: 'alice' });
    expect(await dm.retrieve(JSON.parse(JSON.stringify(ref)))).toEqual({ user: 'alice' });
    expect(await dm.retrieveByKey('main', 'user_alice')).toEqual({ user: 'alice' });
    expect(await dm.getRecord(ref)).toMatchObject({ key: 'user_alice', metadata: { a: 1 }, data: { user: 'alice' } });
    expect(await dm.exists(ref)).toBe(true);
  });

  test('a miss is undefined, and delete says whether it was there', async () => {
    const dm = manager().registerProvider('main', stubBackend());
    const ref = await dm.store('main', 1);
    expect(await dm.delete(ref)).toBe(true);
    expect(await dm.delete(ref)).toBe(false);
    expect(await dm.retrieve(ref)).toBeUndefined();
    expect(await dm.existsByKey('main', 'other')).toBe(false);
  });

  test('keys that are made are UUIDv7', async () => {
    const dm = manager().registerProvider('main', stubBackend());
    expect((await dm.store('main', 1)).key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  test('the metadata of a reference is a copy', async () => {
    const dm = manager().registerProvider('main', stubBackend());
    const tags = ['a'];
    const ref = await dm.store('main', 1, { metadata: { tags } });
    tags.push('b');
    expect(ref.metadata).toEqual({ tags: ['a'] });
    expect((await dm.getRecord(ref))?.metadata).toEqual({ tags: ['a'] });
  });

  test('many at once keep their order and their own outcomes', async () => {
    const dm = manager().registerProvider(
      'main',
      stubBackend({
        before: (operation, key) => {
          if (operation === 'store' && key === 'b') throw new StorageError({ code: 'quota_exceeded', message: 'full' });
        },
      }),
    );
    const items = ['a', 'b', 'c'].map((key) => ({ key, data: { key } }));
    const outcomes = await dm.storeMany('main', items);
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value.key : outcome.error.code))).toEqual([
      'a',
      'quota_exceeded',
      'c',
    ]);
    const refs = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
    expect(await dm.retrieveMany([...refs.toReversed(), 'main://key_value/none'])).toEqual([
      { key: 'c' },
      { key: 'a' },
      undefined,
    ]);
  });

  test('a bad URI is a rejection, never thrown at once', async () => {
    const dm = manager();
    const calls = [() => dm.delete('x'), () => dm.exists('x'), () => dm.retrieve('x'), () => dm.retrieveMany(['x'])];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('lists are references, a page at a time, by prefix', async () => {
    const dm = manager().registerProvider('main', stubBackend());
    for (const key of ['a/1', 'a/2', 'a/3', 'b/1']) await dm.store('main', key, { key });
    const first = await dm.list('main', { prefix: 'a/', limit: 2 });
    expect(first.items.map(({ key, storageType }) => [storageType, key])).toEqual([
      ['main', 'a/1'],
      ['main', 'a/2'],
    ]);
    const second = await dm.list('main', { prefix: 'a/', limit: 2, cursor: first.cursor });
    expect(second.items.map(({ key }) => key)).toEqual(['a/3']);
    expect(second.cursor).toBeUndefined();
  });
});

describe('providers', () => {
  test('a name that is not registered says so, and what to install and call', async () => {
    const dm = manager().registerProvider('main', stubBackend());
    await expect(dm.store('postgresql', 1)).rejects.toMatchObject({
      code: 'not_registered',
      message:
        "Provider 'postgresql' not registered; registered: main. Call registerProvider('postgresql', backend). Run `npm install @storage/postgres` and register its `postgresPlugin`, or import '@storage/postgres/register'.",
      operation: 'store',
      details: { name: 'postgresql', registered: ['main'] },
    });
    await expect(manager().retrieveByKey('mine', 'a')).rejects.toThrow(
      "Provider 'mine' not registered; registered: none. Call registerProvider('mine', backend).",
    );
  });

  test.each([
    ['postgres', 'postgresql'],
    ['postgresql', 'postgres'],
    ['filesystem', 'file_system'],
    ['file_system', 'filesystem'],
  ])('registered as %s is found as %s, and the reference says the former', async (registered, asked) => {
    const dm = manager().registerProvider(registered, stubBackend());
    expect((await dm.store(asked, 1)).storageType).toBe(registered);
  });

  test('a name that is not registered is made from the environment when its plugin is known', async () => {
    const made: unknown[] = [];
    const postgres = definePlugin({
      name: 'postgres',
      contract: 1,
      fromEnv: (env) => ({ host: env['POSTGRES_HOST'] }),
      create: (options: { host: string | undefined }) => {
        made.push(options);
        return stubBackend({ name: 'postgres' });
      },
    });
    const dm = new DataManager({ registry: createRegistry([postgres]), env: { POSTGRES_HOST: 'db' } });
    const ref = await dm.store('postgresql', 1);
    expect(ref).toMatchObject({ storageType: 'postgresql', kind: 'relational' });
    expect(await dm.retrieveByKey('postgres', ref.key)).toBe(1);
    expect(made).toEqual([{ host: 'db' }]);
    expect(dm.providers().map(({ name }) => name)).toEqual(['postgresql']);
  });

  test('a taken name is an error unless asked to replace', async () => {
    const first = stubBackend();
    const dm = manager().registerProvider('main', first);
    expect(() => dm.registerProvider('main', stubBackend())).toThrow(
      /Provider 'main' is registered already\. Pass \{ replace: true \}/,
    );
    const other = stubBackend();
    dm.registerProvider('main', other, { replace: true });
    await dm.store('main', 1);
    expect(other.stored.size).toBe(1);
    // Whoever got hold of the first may still use it; the manager ends both.
    let ended = 0;
    for (const backend of [first, other]) backend.close = async () => void ended++;
    await dm.close();
    expect(ended).toBe(2);
  });

  test.each(['', 'a b', 'a/b', 'a:b', 'x'.repeat(65)])('the name %j is refused', (name) => {
    expect(() => manager().registerProvider(name, stubBackend())).toThrow(/must have 1 to 64/);
  });

  test('a backend opens at first use, and again after it failed', async () => {
    let down = true;
    const backend = stubBackend({
      before: (operation) => {
        if (operation === 'open' && down)
          throw new StorageError({ code: 'unavailable', message: 'Could not connect to Redis.' });
      },
    });
    const dm = manager().registerProvider('redis', backend);
    expect(backend.calls).toEqual([]);
    await expect(dm.store('redis', 1)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    expect(await dm.health()).toMatchObject({ redis: { status: 'unhealthy', message: 'Could not connect to Redis.' } });
    down = false;
    await dm.store('redis', 1, { key: 'a' });
    await dm.store('redis', 2, { key: 'a' });
    expect(backend.calls).toEqual(['open', 'open', 'open', 'store a', 'store a']);
    expect(await dm.healthOf('redis')).toMatchObject({ status: 'healthy' });
    expect(await dm.healthOf('other')).toBeUndefined();
  });

  test('close closes each backend once', async () => {
    const backend = stubBackend();
    await using dm = manager().registerProvider('a', backend).registerProvider('b', backend);
    await dm.close();
    expect(backend.calls).toEqual(['close']);
  });

  test('what a provider can not do is unsupported, and names it', async () => {
    const dm = manager()
      .registerProvider('vectors', stubBackend({ facets: 'vectors' }))
      .registerProvider('records', stubBackend());
    await expect(dm.search('records', [1])).rejects.toMatchObject({
      code: 'unsupported',
      message: "Provider 'records' keeps no vectors; use another one for search.",
    });
    const keyed = manager().registerProvider(
      'custom',
      defineProvider({ name: 'custom', store: () => undefined, retrieve: () => undefined, delete: () => false }),
    );
    await expect(keyed.query('custom')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(keyed.list('custom')).rejects.toMatchObject({ code: 'unsupported' });
  });

  test.each([0, -1, 1.5, Number.NaN])('a limit of %p is refused', async (limit) => {
    const dm = manager().registerProvider('main', stubBackend());
    await expect(dm.query('main', {}, { limit })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { path: 'limit' },
    });
  });

  test('what is no StorageError becomes the cause of one', async () => {
    const defect = new TypeError('oops');
    const dm = manager().registerProvider(
      'main',
      stubBackend({
        before: (operation) => {
          if (operation !== 'open') throw defect;
        },
      }),
    );
    await expect(dm.store('main', 1)).rejects.toMatchObject({
      code: 'internal',
      applied: 'unknown',
      cause: defect,
      backend: 'main',
      operation: 'store',
    });
    await expect(dm.retrieveByKey('main', 'a')).rejects.toMatchObject({
      code: 'internal',
      applied: undefined,
      cause: defect,
    });
  });
});

test('the process has one DataManager until it is reset', async () => {
  const first = getDataManager();
  const backend = stubBackend();
  first.registerProvider('main', backend);
  expect(getDataManager()).toBe(first);
  await resetDataManager();
  expect(backend.calls).toEqual(['close']);
  expect(getDataManager()).not.toBe(first);
});
