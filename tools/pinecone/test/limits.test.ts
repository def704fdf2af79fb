import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Caller, startCaller } from './client.ts';

let standIn: Caller;
let data: string;
beforeAll(async () => {
  standIn = await startCaller();
  data = await standIn.index();
});
afterAll(() => standIn.close());

const upsert = (vectors: unknown, path = data) => standIn.call('POST', `${path}/vectors/upsert`, { vectors });
const one = (record: object) => upsert([{ id: 'a', values: [1, 0], ...record }]);

describe('a record', () => {
  test.each<readonly [what: string, record: object, message: string]>([
    ['of another dimension', { values: [1, 2, 3] }, 'Vector dimension 3 does not match the dimension of the index 2'],
    ['without values', { values: [] }, 'Vector dimension 0 does not match the dimension of the index 2'],
    [
      'of zeros',
      { values: [0, 0] },
      "Dense vectors must contain at least one non-zero value. Vector ID 'a' contains only zeros",
    ],
    ['of zeros in 32 bits', { values: [1e-60, 0] }, 'at least one non-zero value'],
    ['past the largest float', { values: [1e39, 0] }, 'finite'],
    ['with a number that is none', { values: [null, 1] }, 'must be number'],
    ['with an empty id', { id: '' }, 'must not be empty'],
    ['with an id of 513 characters', { id: 'a'.repeat(513) }, '512'],
    ['with an id that is not ASCII', { id: 'é' }, "Vector ID must be ASCII, but got 'é'"],
    ['with NUL in its id', { id: 'a\0b' }, 'Vector ID must not contain null character'],
    [
      'with null in its metadata',
      { metadata: { x: null } },
      "Metadata value must be a string, number, boolean or list of strings, got 'null' for field 'x'",
    ],
    ['with an object in its metadata', { metadata: { x: { y: 1 } } }, `got '{"y":1}' for field 'x'`],
    [
      'with a list of numbers in its metadata',
      { metadata: { modifiedAt: [1758694138, 0.25] } },
      "got '[1758694138,0.25...' for field 'modifiedAt'",
    ],
    ['with a key that begins with $', { metadata: { $x: 1 } }, "must not start with '$'"],
    ['with a field that is none', { score: 1 }, 'score: Cannot find field.'],
    ['with sparse values of two lengths', { sparseValues: { indices: [1, 2], values: [1] } }, 'must be equal'],
    [
      'with too many sparse values',
      { sparseValues: { indices: Array.from({ length: 2049 }, (_, i) => i), values: Array(2049).fill(1) } },
      '2048',
    ],
    ['with a sparse index past 32 bits', { sparseValues: { indices: [2 ** 32], values: [1] } }, 'from 0 to 4294967295'],
  ])('%s is refused', async (_what, record, message) => {
    const answer = await one(record);
    expect(answer).toMatchObject({ status: 400, body: { code: 3, details: [] } });
    expect(answer.body.message).toContain(message);
  });

  test('may have an id of 512 characters, and metadata of every kind', async () => {
    const metadata = {
      text: 'é',
      number: -1.5,
      flag: false,
      list: ['a', 'b'],
      none: [],
      '__proto__.x': 'y',
      constructor: 'z',
    };
    const id = '~'.repeat(512);
    expect((await one({ id, metadata })).body).toEqual({ upsertedCount: 1 });
    const fetched = await standIn.call('GET', `${data}/vectors/fetch?ids=${id}`);
    expect(fetched.body.vectors[id]?.metadata).toEqual(metadata);
  });

  test('may have 40,960 bytes of metadata, and no more', async () => {
    const metadata = { text: 'x'.repeat(40_960 - '{"text":""}'.length) };
    expect((await one({ metadata })).status).toBe(200);
    const larger = await one({ metadata: { text: `${metadata.text}x` } });
    expect(larger.body.message).toBe('Metadata size is 40961 bytes, which exceeds the limit of 40960 bytes per vector');
    const multibyte = await one({ metadata: { text: 'é'.repeat(30_000) } });
    expect(multibyte.status).toBe(400);
  });

  test('may have fields named as objects have them', async () => {
    const answer = await standIn.call(
      'POST',
      `${data}/vectors/upsert`,
      '{"vectors":[{"id":"proto","values":[1,0],"metadata":{"__proto__":"a","toString":"b"}}]}',
    );
    expect(answer.status).toBe(200);
    const found = await standIn.call('POST', `${data}/query`, {
      vector: [1, 0],
      topK: 1,
      filter: { $and: [{ toString: 'b' }, { valueOf: { $exists: false } }] },
    });
    expect(found.body.matches[0]?.id).toBe('proto');
  });
});

describe('a request', () => {
  test('upserts 1 to 1,000 records', async () => {
    const records = Array.from({ length: 1001 }, (_, at) => ({ id: `r${at}`, values: [at + 1, 1] }));
    expect((await upsert(records.slice(0, 1000))).body).toEqual({ upsertedCount: 1000 });
    expect((await upsert(records)).status).toBe(400);
    expect((await upsert([])).status).toBe(400);
  });

  test('upserts the batches of the documentation, and nothing over 2 MB', async () => {
    // https://docs.pinecone.io/guides/index-data/upsert-data#upsert-in-batches
    const path = await standIn.index({ dimension: 1536 });
    const text = 'x'.repeat(2000 - '{"t":""}'.length);
    const records = Array.from({ length: 260 }, (_, at) => ({
      id: `r${at}`,
      values: Array.from({ length: 1536 }, (_, of) => of + at),
      metadata: { t: text },
    }));
    expect((await upsert(records.slice(0, 245), path)).status).toBe(200);
    const larger = await upsert(records, path);
    expect(larger).toMatchObject({ status: 400, body: { code: 11 } });
    expect(larger.body.message).toMatch(
      /^Error, message length too large: found \d+ bytes, the limit is: 2097152 bytes$/,
    );
  });

  test('fetches and deletes 1 to 1,000 ids', async () => {
    const ids = Array.from({ length: 1001 }, (_, at) => `${at}`);
    const fetchIds = (some: readonly string[]) =>
      standIn.call('GET', `${data}/vectors/fetch?${some.map((id) => `ids=${id}`).join('&')}`);
    expect((await fetchIds(ids.slice(0, 1000))).status).toBe(200);
    expect((await fetchIds(ids)).status).toBe(400);
    expect((await standIn.call('GET', `${data}/vectors/fetch`)).status).toBe(400);
    const remove = (some: readonly string[]) => standIn.call('POST', `${data}/vectors/delete`, { ids: some });
    expect((await remove(ids.slice(0, 1000))).status).toBe(200);
    expect((await remove(ids)).status).toBe(400);
    expect((await remove([])).status).toBe(400);
  });

  test('has 60 KB of headers and ids to fetch', async () => {
    const ids = Array.from({ length: 200 }, (_, at) => `ids=${'x'.repeat(300)}${at}`).join('&');
    const answer = await fetch(`${standIn.url}${data}/vectors/fetch?${ids}`, { headers: { 'api-key': 'key' } });
    expect(answer.status).toBe(431);
  });

  test('deletes in one way', async () => {
    const remove = (body: object) => standIn.call('POST', `${data}/vectors/delete`, body);
    expect((await remove({})).status).toBe(400);
    expect((await remove({ ids: ['a'], deleteAll: true })).status).toBe(400);
    expect((await remove({ ids: ['a'], filter: { a: 1 } })).status).toBe(400);
    expect((await remove({ filter: {} })).status).toBe(400);
    const missing = await remove({ deleteAll: true, namespace: 'nowhere' });
    expect(missing).toMatchObject({ status: 404, body: { code: 5, message: 'Namespace not found', details: [] } });
  });

  test.each<readonly [what: string, body: object]>([
    ['without topK', { vector: [1, 0] }],
    ['with topK 0', { vector: [1, 0], topK: 0 }],
    ['with topK 10001', { vector: [1, 0], topK: 10_001 }],
    ['without a vector', { topK: 1 }],
    ['with an id and a vector', { id: 'a', vector: [1, 0], topK: 1 }],
    ['of another dimension', { vector: [1], topK: 1 }],
    [
      'with a sparse vector of a cosine index',
      { vector: [1, 0], sparseVector: { indices: [1], values: [1] }, topK: 1 },
    ],
    ['with an option of dedicated nodes', { vector: [1, 0], topK: 1, scanFactor: 2 }],
    ['with an unknown field', { vector: [1, 0], top_k: 1, topK: 1 }],
    ['with an empty filter', { vector: [1, 0], topK: 1, filter: {} }],
  ])('queries %s are refused', async (_what, body) => {
    expect(await standIn.call('POST', `${data}/query`, body)).toMatchObject({ status: 400, body: { code: 3 } });
  });

  test('queries may be of zeros', async () => {
    // The vendor's own tests poll with such vectors.
    expect((await standIn.call('POST', `${data}/query`, { vector: [0, 0], topK: 10_000 })).status).toBe(200);
  });

  test('queries an index of sparse vectors by a sparse vector', async () => {
    const path = await standIn.index({ dimension: undefined, vector_type: 'sparse' });
    const sparseValues = { indices: [1, 2], values: [0.5, 2] };
    await upsert(
      [
        { id: 'a', sparseValues },
        { id: 'b', sparseValues: { indices: [3], values: [1] } },
      ],
      path,
    );
    const query = (body: object) => standIn.call('POST', `${path}/query`, { topK: 5, ...body });
    const found = await query({ sparseVector: { indices: [2, 4], values: [1, 1] } });
    expect(found.body.matches).toEqual([{ id: 'a', score: 2, values: [] }]);
    expect((await query({})).status).toBe(400);
    expect((await upsert([{ id: 'c', values: [1] }], path)).status).toBe(400);
  });

  test('answers 4 MB at most', async () => {
    const path = await standIn.index({ dimension: 1024 });
    const records = Array.from({ length: 1100 }, (_, at) => ({ id: `r${at}`, values: Array(1024).fill(at + 1) }));
    for (let from = 0; from < 1100; from += 500) await upsert(records.slice(from, from + 500), path);
    const query = (includeValues: boolean) =>
      standIn.call('POST', `${path}/query`, { vector: Array(1024).fill(1), topK: 1100, includeValues });
    expect((await query(false)).body.matches).toHaveLength(1100);
    expect((await query(true)).body).toMatchObject({ code: 11 });
  });

  test('counts a limit of lists from 1 to 100', async () => {
    for (const limit of ['0', '101', '1.5', 'ten']) {
      expect((await standIn.call('GET', `${data}/vectors/list?limit=${limit}`)).status).toBe(400);
    }
    expect((await standIn.call('GET', `${data}/vectors/list?paginationToken=%25`)).status).toBe(400);
  });

  test('has a namespace of ASCII', async () => {
    const answer = await standIn.call('POST', `${data}/query`, { vector: [1, 0], topK: 1, namespace: 'é' });
    expect(answer.status).toBe(400);
  });

  test('filters statistics of pods only', async () => {
    const stats = (path: string) =>
      standIn.call('POST', `${path}/describe_index_stats`, { filter: { genre: 'drama' } });
    const refused = await stats(data);
    expect(refused.body.message).toContain('do not support describing index stats with metadata filtering');
    const pods = await standIn.index({ spec: { pod: { environment: 'us-east-1-aws', pod_type: 'p1.x1' } } });
    await upsert(
      [
        { id: 'a', values: [1, 0], metadata: { genre: 'drama' } },
        { id: 'b', values: [1, 0] },
      ],
      pods,
    );
    expect((await stats(pods)).body).toMatchObject({
      totalVectorCount: 2,
      namespaces: { __default__: { vectorCount: 1 } },
    });
    expect((await standIn.call('GET', `${pods}/vectors/list`)).status).toBe(501);
    expect((await standIn.call('GET', `${pods}/namespaces`)).status).toBe(501);
  });
});
