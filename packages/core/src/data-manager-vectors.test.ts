import { describe, expect, test } from '@jest/globals';
import { stubBackend } from '../test/stub-backend.ts';
import { DataManager } from './data-manager.ts';
import { createRegistry } from './registry.ts';

const empty = createRegistry();
const manager = (): DataManager => new DataManager({ registry: empty, env: {} });

describe('a vector provider', () => {
  const vectors = (options = {}) => {
    const backend = stubBackend({ name: 'qdrant', facets: 'vectors' });
    return { backend, dm: manager().registerProvider('qdrant', backend, options) };
  };

  test('gives the same object back on retrieve, query and search', async () => {
    const { dm, backend } = vectors();
    const data = { text: 'hello', vector: [0.1, -2.75, 1e-7], tags: ['a'], nested: { n: 1 } };
    const ref = await dm.store('qdrant', data, { key: 'd', metadata: { category: 'docs' } });
    expect(ref).toMatchObject({ kind: 'vector', key: 'd', metadata: { category: 'docs' } });
    expect(await dm.retrieve(ref)).toEqual(data);
    expect(await dm.query('qdrant', {})).toEqual([data]);
    const [match] = await dm.search('qdrant', [1, 0, 0]);
    expect(match?.[0]).toEqual(data);
    expect(match?.[1]).toBeCloseTo(0.1);
    expect(match?.[2]).toEqual(ref);
    expect(await dm.getRecord(ref)).toMatchObject({ key: 'd', metadata: { category: 'docs' }, data, etag: '' });
    expect(backend.documents.get('d')).toMatchObject({ content: 'hello', metadata: { category: 'docs' } });
    expect(backend.calls.filter((call) => call === 'createCollection')).toHaveLength(1);
    expect(await dm.delete(ref)).toBe(true);
    expect(await dm.delete(ref)).toBe(false);
  });

  test('before the first store there is nothing, and that is no error', async () => {
    const { dm } = vectors();
    expect(await dm.retrieveByKey('qdrant', 'a')).toBeUndefined();
    expect(await dm.deleteByKey('qdrant', 'a')).toBe(false);
    expect(await dm.query('qdrant')).toEqual([]);
    expect(await dm.search('qdrant', [1])).toEqual([]);
  });

  test('filters start at the record', async () => {
    const { dm } = vectors();
    const store = (key: string, n: number, metadata: object) =>
      dm.store('qdrant', { vector: [1, n], n }, { key, metadata: { ...metadata } });
    await store('a', 1, { category: 'docs', $cost: 1, 'a.b': 1 });
    await store('b', 2, { category: 'code', user: { name: 'x' } });
    const keys = async (filter: object) => (await dm.query<{ n: number }>('qdrant', filter)).map(({ n }) => n);
    expect(await keys({ 'metadata.category': 'docs' })).toEqual([1]);
    expect(await keys({ 'metadata.user.name': 'x' })).toEqual([2]);
    expect(await keys({ 'metadata.$cost': 1 })).toEqual([1]);
    expect(await keys({ 'metadata.a\\.b': 1 })).toEqual([1]);
    expect(await keys({ 'data.n': { $gt: 1 } })).toEqual([2]);
    expect(await keys({ key: 'b' })).toEqual([2]);
    expect(await keys({ createdAt: { $gt: new Date(0) } })).toEqual([1, 2]);
    expect(await keys({ $or: [{ key: 'a' }, { $not: { 'metadata.category': 'docs' } }] })).toEqual([1, 2]);
    expect(await keys({ $and: [{ key: 'a' }, { 'data.n': 2 }] })).toEqual([]);
    const found = await dm.search('qdrant', [1, 1], { filter: { 'metadata.category': 'docs' }, limit: 5 });
    expect(found.map(([, , { key }]) => key)).toEqual(['a']);
  });

  test.each([
    [{ category: 'docs' }, 'invalid_argument', /must start with data\., metadata\., key/],
    [{ _key: 'a' }, 'invalid_argument', /must start with/],
    [{ $nor: [] }, 'invalid_argument', /\$nor/],
    ['x', 'invalid_argument', /a filter must be an object/],
    [{ 'data.text': 'x' }, 'unsupported_filter', /does not filter by 'data\.text'/],
    [{ 'data.vector.0': 1 }, 'unsupported_filter', /data\.vector/],
    [{ $and: [{ 'data.vector': null }] }, 'unsupported_filter', /data\.vector/],
  ])('the filter %j is refused', async (filter, code, message) => {
    const { dm } = vectors();
    await dm.store('qdrant', { vector: [1] });
    const refusal = { code, message: expect.stringMatching(message) };
    await expect(dm.query('qdrant', filter as object)).rejects.toMatchObject(refusal);
    await expect(dm.search('qdrant', [1], { filter: filter as object })).rejects.toMatchObject(refusal);
  });

  test('a filter nested too deep is refused', async () => {
    const { dm } = vectors();
    let filter: object = { key: 'a' };
    for (let i = 0; i < 10_000; i++) filter = { $not: filter };
    await expect(dm.query('qdrant', filter)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  test('the embedder makes the vector, which is no part of the data', async () => {
    const asked: unknown[] = [];
    const { dm, backend } = vectors({
      embedder: async (texts: readonly string[]) => {
        asked.push(...texts);
        return [Float32Array.of(0.5, 0.25)];
      },
    });
    const ref = await dm.store('qdrant', { text: 'hello', lang: 'en' });
    expect(asked).toEqual(['hello']);
    expect(backend.documents.get(ref.key)?.vector).toEqual([0.5, 0.25]);
    expect(await dm.retrieve(ref)).toEqual({ text: 'hello', lang: 'en' });
  });

  test.each([
    [
      { text: 'no vector' },
      /data has no vector; pass data\.vector, or data\.text and register provider 'qdrant' with an embedder/,
    ],
    ['text', /data must be an object with `vector`/],
    [[1, 2], /data must be an object/],
    [{ vector: [] }, /data\.vector must be an array of finite numbers/],
    [{ vector: [1, Number.NaN] }, /finite numbers/],
    [{ vector: 'abc' }, /finite numbers/],
    [{ vector: null }, /finite numbers/],
    [{ vector: [1], text: 5 }, /data\.text must be a string/],
    [{ vector: [1], f: () => 1 }, /data\.f is a function/],
  ])('%j is refused and makes no collection', async (data, message) => {
    const { dm, backend } = vectors();
    await expect(dm.store('qdrant', data)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message),
    });
    expect(backend.calls).not.toContain('createCollection');
  });

  test.each(['_key', '_data', '_createdAt', '_expiresAt', '_embedded'])('metadata.%s is reserved', async (name) => {
    const { dm } = vectors();
    await expect(dm.store('qdrant', { vector: [1] }, { metadata: { [name]: 1 } })).rejects.toThrow(
      `metadata.${name} is a reserved name`,
    );
  });

  test('has no lists and no conditions', async () => {
    const { dm } = vectors();
    await expect(dm.list('qdrant')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(dm.store('qdrant', { vector: [1] }, { ifAbsent: true })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  test('a backend with records and vectors keeps data in its records unless it is registered as a vector provider', async () => {
    const backend = stubBackend({ name: 'sqlite', facets: 'both' });
    const dm = manager().registerProvider('sql', backend).registerProvider('qdrant', backend, { kind: 'vector' });
    await dm.store('sql', { vector: [1] }, { key: 'a' });
    await dm.store('qdrant', { vector: [1] }, { key: 'b' });
    expect([...backend.stored.keys()]).toEqual(['a']);
    expect([...backend.documents.keys()]).toEqual(['b']);
    expect((await dm.search('sql', [1])).map(([, , { key }]) => key)).toEqual(['b']);
  });
});
