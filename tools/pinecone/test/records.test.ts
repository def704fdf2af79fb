import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Index, Pinecone, type RecordMetadata } from '@pinecone-database/pinecone';
import { type StandIn, startStandIn } from '../src/index.ts';

// Through the vendor's own client.

let standIn: StandIn;
let pinecone: Pinecone;
beforeAll(async () => {
  standIn = await startStandIn({ consistencyDelayMs: 0, readyDelayMs: 0 });
  pinecone = new Pinecone({ apiKey: 'key', controllerHostUrl: standIn.url });
});
afterAll(() => standIn.close());

let made = 0;
async function index(
  options: { dimension?: number; metric?: 'cosine' | 'euclidean' | 'dotproduct' } = {},
): Promise<Index> {
  made += 1;
  const name = `records-${made}`;
  await pinecone.createIndex({
    name,
    dimension: 2,
    spec: { serverless: { cloud: 'aws', region: 'us-east-1' } },
    waitUntilReady: true,
    ...options,
  });
  const { host } = await pinecone.describeIndex(name);
  return pinecone.index({ host, namespace: 'things' });
}

const ids = (found: { matches: readonly { id: string }[] }) => found.matches.map(({ id }) => id);

describe('records', () => {
  test('are upserted whole, updated in part, fetched and deleted', async () => {
    const things = await index();
    const records = [
      { id: 'a', values: [1, 0], metadata: { genre: 'drama', year: 2020 } },
      { id: 'b', values: [0.1, 0.2] },
    ];
    await things.upsert({ records });
    const fetched = await things.fetch({ ids: ['a', 'b', 'c'] });
    expect(fetched.namespace).toBe('things');
    expect(fetched.records).toEqual({ a: records[0], b: records[1] });

    await things.update({ id: 'a', metadata: { year: 2021, seen: true } });
    await things.update({ id: 'b', values: [3, 4] });
    await things.update({ id: 'nobody', values: [3, 4] });
    const updated = await things.fetch({ ids: ['a', 'b', 'nobody'] });
    expect(updated.records).toEqual({
      a: { id: 'a', values: [1, 0], metadata: { genre: 'drama', year: 2021, seen: true } },
      b: { id: 'b', values: [3, 4] },
    });

    await things.upsert({ records: [{ id: 'a', values: [0, 1] }] });
    expect((await things.fetch({ ids: ['a'] })).records).toEqual({ a: { id: 'a', values: [0, 1] } });

    await things.deleteOne({ id: 'a' });
    expect(Object.keys((await things.fetch({ ids: ['a', 'b'] })).records)).toEqual(['b']);
  });

  test('are updated and deleted and fetched by filter', async () => {
    const things = await index();
    const genres = ['drama', 'comedy', 'drama', 'action'];
    await things.upsert({
      records: genres.map((genre, at) => ({ id: `${at}`, values: [at, 1], metadata: { genre } })),
    });
    await things.update({ filter: { genre: 'drama' }, metadata: { sad: true } });
    const sad = await things.fetchByMetadata({ filter: { sad: true } });
    expect(Object.keys(sad.records)).toEqual(['0', '2']);
    const first = await things.fetchByMetadata({ filter: { genre: { $exists: true } }, limit: 3 });
    const { next } = first.pagination ?? {};
    const second = await things.fetchByMetadata({
      filter: { genre: { $exists: true } },
      limit: 3,
      ...(next === undefined ? {} : { paginationToken: next }),
    });
    expect([...Object.keys(first.records), ...Object.keys(second.records)]).toEqual(['0', '1', '2', '3']);
    expect(second.pagination).toBeUndefined();
    await things.deleteMany({ filter: { genre: { $in: ['drama', 'action'] } } });
    expect((await things.listPaginated()).vectors).toEqual([{ id: '1' }]);
  });

  test('are listed in the order of their bytes, page by page', async () => {
    const things = await index();
    const all = ['99', '990', '991', '992', '993', '994', '995', '996', '997', '998', '999', 'B', 'a'];
    await things.upsert({ records: [...all].reverse().map((id) => ({ id, values: [1, 1] })) });
    const pages: string[][] = [];
    let paginationToken: string | undefined;
    do {
      const listed = await things.listPaginated({
        prefix: '99',
        limit: 5,
        ...(paginationToken === undefined ? {} : { paginationToken }),
      });
      pages.push((listed.vectors ?? []).map(({ id }) => id ?? ''));
      paginationToken = listed.pagination?.next;
    } while (paginationToken !== undefined);
    expect(pages).toEqual([all.slice(0, 5), all.slice(5, 10), all.slice(10, 11)]);
    expect((await things.listPaginated()).vectors?.map(({ id }) => id)).toEqual(all);
    expect((await things.listPaginated({ namespace: 'nowhere' })).vectors).toEqual([]);
  });

  test('of a namespace are not those of another', async () => {
    const things = await index();
    await things.upsert({ records: [{ id: 'a', values: [1, 0] }] });
    await things.upsert({ records: [{ id: 'a', values: [0, 1] }], namespace: 'others' });
    await things.upsert({ records: [{ id: 'c', values: [0, 1] }], namespace: '__default__' });
    expect((await things.fetch({ ids: ['a'] })).records['a']?.values).toEqual([1, 0]);
    expect((await things.describeIndexStats()).namespaces).toEqual({
      __default__: { recordCount: 1 },
      others: { recordCount: 1 },
      things: { recordCount: 1 },
    });
    expect((await things.fetch({ ids: ['c'], namespace: '' })).records['c']?.values).toEqual([0, 1]);
    const listed = await things.listNamespaces({ limit: 2 });
    expect(listed.namespaces?.map(({ name }) => name)).toEqual(['__default__', 'others']);
    expect(listed.totalCount).toBe(3);
    await things.deleteNamespace('others');
    await expect(things.describeNamespace('others')).rejects.toMatchObject({ name: 'PineconeNotFoundError' });
    expect((await things.query({ topK: 5, vector: [1, 0], namespace: 'others' })).matches).toEqual([]);
    await things.deleteAll();
    expect(await things.describeNamespace('things')).toMatchObject({ name: 'things', recordCount: 0 });
  });

  test('are filtered by the fields alone that the schema of their namespace indexes', async () => {
    const things = await index();
    const schema = { fields: { genre: { filterable: true } } };
    expect(await things.createNamespace({ name: 'things', schema })).toMatchObject({ name: 'things', schema });
    await expect(things.createNamespace({ name: 'things' })).rejects.toMatchObject({ name: 'PineconeConflictError' });
    await things.upsert({ records: [{ id: 'a', values: [1, 0], metadata: { genre: 'drama', year: 2020 } }] });
    const query = async (filter: object) => ids(await things.query({ vector: [1, 0], topK: 1, filter }));
    expect(await query({ genre: 'drama' })).toEqual(['a']);
    expect(await query({ year: 2020 })).toEqual([]);
  });
});

describe('queries', () => {
  test('by cosine answer the cosine, the highest first', async () => {
    const things = await index({ metric: 'cosine' });
    const records = [
      { id: 'far', values: [-1, 0] },
      { id: 'near', values: [10, 1] },
      { id: 'right angle', values: [0, 5] },
    ];
    await things.upsert({ records });
    const found = await things.query({ vector: [2, 0], topK: 10 });
    expect(ids(found)).toEqual(['near', 'right angle', 'far']);
    expect(found.matches[0]?.score).toBeCloseTo(10 / Math.sqrt(101), 6);
    expect(found.matches[1]?.score).toBe(0);
    expect(found.matches[2]?.score).toBe(-1);
  });

  test('by dot product answer the product, the highest first', async () => {
    const things = await index({ metric: 'dotproduct' });
    await things.upsert({
      records: [
        { id: 'short', values: [1, 1] },
        { id: 'long', values: [3, 4] },
      ],
    });
    const found = await things.query({ vector: [1, 2], topK: 10 });
    expect(found.matches.map(({ id, score }) => [id, score])).toEqual([
      ['long', 11],
      ['short', 3],
    ]);
  });

  test('by euclidean answer the squared distance, the lowest first', async () => {
    const things = await index({ metric: 'euclidean' });
    await things.upsert({
      records: [
        { id: 'far', values: [4, 5] },
        { id: 'near', values: [1, 2] },
      ],
    });
    const found = await things.query({ vector: [1, 1], topK: 10 });
    expect(found.matches.map(({ id, score }) => [id, score])).toEqual([
      ['near', 1],
      ['far', 25],
    ]);
  });

  test('by id answer what is near that record; of one that is not there nothing', async () => {
    const things = await index();
    await things.upsert({
      records: [
        { id: 'a', values: [1, 0] },
        { id: 'b', values: [1, 1] },
      ],
    });
    expect(ids(await things.query({ id: 'b', topK: 2 }))).toEqual(['b', 'a']);
    expect(ids(await things.query({ id: '12354523423', topK: 2 }))).toEqual([]);
  });

  test('answer values and metadata when asked to', async () => {
    const things = await index();
    await things.upsert({ records: [{ id: 'a', values: [0.25, 1], metadata: { genre: 'drama' } }] });
    const bare = await things.query({ vector: [0, 1], topK: 1 });
    expect(bare.matches[0]).toEqual({ id: 'a', score: expect.any(Number), values: [] });
    const full = await things.query({ vector: [0, 1], topK: 1, includeValues: true, includeMetadata: true });
    expect(full.matches[0]).toMatchObject({ values: [0.25, 1], metadata: { genre: 'drama' } satisfies RecordMetadata });
  });

  test('write 32-bit floats as the vendor does', async () => {
    const things = await index();
    await things.upsert({ records: [{ id: 'a', values: [0.1, 1 / 3] }] });
    expect((await things.fetch({ ids: ['a'] })).records['a']?.values).toEqual([0.1, 0.333333343]);
  });

  test('find the nearest of many, as a plain loop does', async () => {
    const things = await index({ dimension: 16, metric: 'euclidean' });
    const vector = () => Array.from({ length: 16 }, () => Math.fround(Math.random() - 0.5));
    const records = Array.from({ length: 600 }, (_, at) => ({ id: `${at}`, values: vector() }));
    await things.upsert({ records });
    const gone = new Set(records.filter((_, at) => at % 7 === 0).map(({ id }) => id));
    await things.deleteMany({ ids: [...gone] });
    const probe = vector();
    const distance = (values: readonly number[]) =>
      values.reduce((sum, value, at) => sum + (value - (probe[at] ?? 0)) ** 2, 0);
    const nearest = records
      .filter(({ id }) => !gone.has(id))
      .sort((left, right) => distance(left.values) - distance(right.values));
    const found = await things.query({ vector: probe, topK: 25 });
    expect(ids(found)).toEqual(nearest.slice(0, 25).map(({ id }) => id));
  });

  test('add the sparse product on indexes by dot product', async () => {
    const things = await index({ metric: 'dotproduct' });
    const sparse = (indices: number[], values: number[]) => ({ indices, values });
    await things.upsert({
      records: [
        { id: 'dense', values: [2, 0] },
        { id: 'both', values: [1, 0], sparseValues: sparse([5, 9], [2, 1]) },
      ],
    });
    const found = await things.query({ vector: [1, 0], sparseVector: sparse([5, 7], [3, 3]), topK: 2 });
    expect(found.matches.map(({ id, score }) => [id, score])).toEqual([
      ['both', 7],
      ['dense', 2],
    ]);
  });

  test('of an index of sparse vectors are by sparse vectors', async () => {
    await pinecone.createIndex({
      name: 'sparse',
      vectorType: 'sparse',
      spec: { serverless: { cloud: 'aws', region: 'us-east-1' } },
    });
    const { host } = await pinecone.describeIndex('sparse');
    const words = pinecone.index({ host });
    await words.upsert({
      records: [
        { id: 'a', sparseValues: { indices: [1, 2], values: [0.5, 2] } },
        { id: 'b', sparseValues: { indices: [3], values: [1] } },
      ],
    });
    // The client's types know queries of such an index by id alone.
    const found = await words.query({ id: 'a', topK: 5, includeValues: true });
    expect(found.matches).toMatchObject([
      { id: 'a', score: 4.25, sparseValues: { indices: [1, 2], values: [0.5, 2] } },
    ]);
    await expect(words.query({ vector: [1], topK: 1 })).rejects.toMatchObject({ name: 'PineconeBadRequestError' });
  });
});

describe('refusals', () => {
  test('reach the user of the client as the errors it has for them', async () => {
    const things = await index();
    await expect(things.query({ vector: [1], topK: 1 })).rejects.toMatchObject({
      name: 'PineconeBadRequestError',
      message: 'Vector dimension 1 does not match the dimension of the index 2',
    });
    await expect(pinecone.describeIndex('nowhere')).rejects.toMatchObject({ name: 'PineconeNotFoundError' });
    const again = {
      name: 'records-1',
      dimension: 2,
      spec: { serverless: { cloud: 'aws' as const, region: 'us-east-1' } },
    };
    await expect(pinecone.createIndex(again)).rejects.toMatchObject({ name: 'PineconeConflictError' });
    const guarded = await startStandIn({ apiKey: 'right' });
    const wrong = new Pinecone({ apiKey: 'wrong', controllerHostUrl: guarded.url });
    await expect(wrong.listIndexes()).rejects.toMatchObject({ name: 'PineconeAuthorizationError' });
    await guarded.close();
  });
});
