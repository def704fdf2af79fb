// What the face adds to the engine, or has to hand on to it. Both engines answer the same here.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QdrantClient } from '@qdrant/js-client-rest';
import { type OwnService, startOwn } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';

/** Where the server of these tests is. */
type Url = () => string;

type Settings = Parameters<QdrantClient['createCollection']>[1];

const vectors = { size: 2, distance: 'Dot' } as const;

/** A collection for the time of a test. */
async function fresh(url: string, settings: Settings) {
  const client = new QdrantClient({ url });
  const name = `face-${randomUUID()}`;
  await client.createCollection(name, settings);
  return {
    client,
    name,
    async [Symbol.asyncDispose]() {
      await client.deleteCollection(name);
    },
  };
}

/** The status and the text of a refusal. */
async function refusal(call: Promise<unknown>): Promise<[number | undefined, string]> {
  const error = await call.then(
    () => ({ status: 200 }),
    (failure: unknown) => failure as { status?: number; data?: { status?: { error?: string } } },
  );
  return [error.status, 'data' in error ? (error.data?.status?.error ?? '') : ''];
}

/** Numbers that are the same in every run. */
function scatter(count: number, size: number): number[][] {
  let state = 1;
  const next = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 - 0.5;
  };
  return Array.from({ length: count }, () => Array.from({ length: size }, next));
}

function testAnswers(at: Url): void {
  test('numbers come back in their shortest form, in vectors and scores', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    await client.upsert(name, { points: [{ id: 1, vector: [0.1, -2.5e-7], payload: { n: 0.1, big: 1e20 } }] });
    const found = await client.query(name, { query: [3, 0], with_vector: true, with_payload: true });
    expect(found.points).toMatchObject([{ id: 1, score: 0.3, vector: [0.1, -2.5e-7], payload: { n: 0.1, big: 1e20 } }]);
    // Of these no six digits are enough.
    const vector = [1 / 3, 16_777_217 / 1e7].map(Math.fround);
    await client.upsert(name, { points: [{ id: 2, vector }] });
    const [point] = await client.retrieve(name, { ids: [2], with_vector: true });
    expect([point?.vector].flat().map((each) => Math.fround(Number(each)))).toEqual(vector);
  });

  test('a batch with one bad vector is refused whole, whoever waits is told that it is done', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    const bad = client.upsert(name, { batch: { ids: [1, 2], vectors: [[1, 2], [1]] } });
    expect(await refusal(bad)).toEqual([400, 'Wrong input: Vector dimension error: expected dim: 2, got 1']);
    expect(await client.count(name)).toEqual({ count: 0 });
    const points = [{ id: 3, vector: [1, 2] }];
    expect(await client.upsert(name, { points, wait: true })).toMatchObject({ status: 'completed' });
    expect(await client.delete(name, { points: [3], wait: false })).toMatchObject({ status: 'acknowledged' });
    expect(await client.count(name)).toEqual({ count: 0 });
  });

  test('of callers who create one collection at once, one succeeds', async () => {
    const client = new QdrantClient({ url: at() });
    const name = `face-${randomUUID()}`;
    const calls = Array.from({ length: 8 }, () => refusal(client.createCollection(name, { vectors })));
    const statuses = (await Promise.all(calls)).map(([status]) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(7).fill(409)]);
    await client.deleteCollection(name);
    expect((await refusal(client.getCollection(name)))[0]).toBe(404);
  });

  test('a body over 32 MiB is refused with an answer', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    const payload = { text: 'x'.repeat(32 * 1024 * 1024) };
    expect((await refusal(client.upsert(name, { points: [{ id: 1, vector: [1, 2], payload }] })))[0]).toBe(413);
    expect(await client.count(name)).toEqual({ count: 0 });
  });

  test('64 callers at once are all answered', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    const ids = Array.from({ length: 64 }, (_, id) => id);
    await Promise.all(ids.map((id) => client.upsert(name, { points: [{ id, vector: [id, 1] }], wait: true })));
    const counts = await Promise.all(ids.map(() => client.count(name)));
    expect(counts).toEqual(ids.map(() => ({ count: 64 })));
  });

  test('pages of a scroll follow each other to the end', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    await client.upsert(name, { points: [1, 2, 3].map((id) => ({ id, vector: [id, 1] })), wait: true });
    const first = await client.scroll(name, { limit: 2 });
    expect(first).toMatchObject({ points: [{ id: 1 }, { id: 2 }], next_page_offset: 3 });
    const rest = await client.scroll(name, { limit: 2, offset: 3 });
    expect(rest).toMatchObject({ points: [{ id: 3 }], next_page_offset: null });
  });
}

function testIndexes(at: Url): void {
  test('changed settings build an index of vectors, quantized ones too; exact searches do not notice', async () => {
    const quantization = { scalar: { type: 'int8', always_ram: true } } as const;
    const settings: Settings = { vectors: { size: 64, distance: 'Cosine' }, quantization_config: quantization };
    await using made = await fresh(at(), settings);
    const { client, name } = made;
    const [query = [], ...rows] = scatter(1_001, 64);
    const points = rows.map((vector, id) => ({ id, vector }));
    await client.upsert(name, { points, wait: true });
    const scores = async (params: object): Promise<number[]> =>
      (await client.query(name, { query, limit: 10, params })).points.map(({ score }) => score);
    const exact = await scores({ exact: true });
    expect(await scores({ quantization: { rescore: false } })).toEqual(exact);
    await client.updateCollection(name, { optimizers_config: { indexing_threshold: 10 } });
    const info = await client.getCollection(name);
    expect(info).toMatchObject({
      points_count: 1_000,
      indexed_vectors_count: 1_000,
      config: { quantization_config: quantization, optimizer_config: { indexing_threshold: 10 } },
    });
    expect(await scores({ exact: true })).toEqual(exact);
    const quantized = await scores({ quantization: { rescore: false } });
    expect(quantized).not.toEqual(exact);
    expect(quantized[0]).toBeCloseTo(exact[0] ?? 0, 2);
    await client.upsert(name, { points: [{ id: 1_000, vector: query }], wait: true });
    expect((await client.query(name, { query, limit: 1 })).points).toMatchObject([{ id: 1_000 }]);
  }, 60_000);

  test('sparse vectors are weighed by how rare their terms are, and fused with dense ones', async () => {
    await using made = await fresh(at(), {
      vectors: { dense: vectors },
      sparse_vectors: { text: { modifier: 'idf' }, plain: {} },
    });
    const { client, name } = made;
    const terms = (indices: number[]) => ({ indices, values: indices.map(() => 1) });
    const points = [[7, 9], [9], [9], [9]].map((indices, id) => ({
      id,
      vector: { dense: [id, 1], text: terms(indices), plain: terms(indices) },
    }));
    await client.upsert(name, { points, wait: true });
    const best = async (using: string, indices: number[]): Promise<number | undefined> =>
      (await client.query(name, { query: terms(indices), using, limit: 1 })).points[0]?.score;
    expect(await best('plain', [7])).toBe(await best('plain', [9]));
    expect(await best('text', [7])).toBeGreaterThan((await best('text', [9])) ?? 0);
    const prefetch = [
      { query: terms([7]), using: 'text', limit: 4 },
      { query: [1, 0], using: 'dense', limit: 4 },
    ];
    const fused = await client.query(name, { prefetch, query: { fusion: 'rrf' }, limit: 4 });
    expect(fused.points.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3]);
  });

  test('indexes of payloads are told, and gone when they are removed', async () => {
    await using made = await fresh(at(), { vectors });
    const { client, name } = made;
    await client.upsert(name, { points: [{ id: 1, vector: [1, 1], payload: { tag: 'a' } }], wait: true });
    const schema = { type: 'keyword', is_tenant: true } as const;
    await client.createPayloadIndex(name, { field_name: 'tag', field_schema: schema, wait: true });
    const { payload_schema } = await client.getCollection(name);
    expect(payload_schema).toEqual({ tag: { data_type: 'keyword', params: schema, points: 1 } });
    expect(await client.facet(name, { key: 'tag' })).toEqual({ hits: [{ value: 'a', count: 1 }] });
    await client.deletePayloadIndex(name, 'tag', { wait: true });
    expect((await client.getCollection(name)).payload_schema).toEqual({});
  });
}

function testStrictMode(at: Url): void {
  test('strict mode refuses what its configuration says, and nothing else', async () => {
    const strict_mode_config = {
      enabled: true,
      max_query_limit: 5,
      max_timeout: 10,
      unindexed_filtering_retrieve: false,
      unindexed_filtering_update: false,
      filter_max_conditions: 3,
      search_allow_exact: false,
      upsert_max_batchsize: 2,
    };
    await using made = await fresh(at(), { vectors, strict_mode_config });
    const { client, name } = made;
    expect((await client.getCollection(name)).config.strict_mode_config).toEqual(strict_mode_config);
    const points = [1, 2, 3].map((id) => ({ id, vector: [id, 1], payload: { tag: 'a', n: id } }));
    const query = [1, 1];
    const by = (key: string, match: { value: string }) => ({ must: [{ key, match }] });
    const over = { range: { gt: 1 }, key: 'deep.n' };
    const refused = [
      client.upsert(name, { points }),
      client.query(name, { query, limit: 6 }),
      client.query(name, { query }),
      client.query(name, { query, limit: 5, timeout: 11 }),
      client.query(name, { query, limit: 5, params: { exact: true } }),
      client.count(name),
      client.query(name, { query, limit: 5, filter: by('tag', { value: 'a' }) }),
      client.delete(name, { filter: { must: [over] } }),
      client.count(name, { exact: false, filter: { must_not: [1, 2, 3, 4].map((id) => ({ has_id: [id] })) } }),
    ];
    const unindexed = (key: string, kinds: string): string =>
      `Index required but not found for "${key}" of one of the following types: [${kinds}]`;
    const answers = await Promise.all(refused.map(refusal));
    expect(answers.map(([status, text]) => `${status} ${text.split('. Help: ')[0]}`)).toEqual(
      [
        'Limit exceeded 3 > 2 for "upsert limit"',
        'Limit exceeded 6 > 5 for "limit"',
        'Limit exceeded 10 > 5 for "limit"',
        'Limit exceeded 11 > 10 for "timeout"',
        'Exact search disabled!',
        'Exact search disabled!',
        unindexed('tag', 'keyword'),
        unindexed('deep.n', 'float, integer'),
        'Filter condition limit reached (4 > 3)',
      ].map((text) => `400 Bad request: ${text}`),
    );
    await client.upsert(name, { points: points.slice(0, 2), wait: true });
    await client.createPayloadIndex(name, { field_name: 'tag', field_schema: 'keyword', wait: true });
    const found = await client.query(name, { query, limit: 5, timeout: 10, filter: by('tag', { value: 'a' }) });
    expect(found.points).toHaveLength(2);
    await client.updateCollection(name, { strict_mode_config: { enabled: false } });
    expect(await client.count(name, { filter: { must: [{ key: 'n', range: { gt: 1 } }] } })).toEqual({ count: 1 });
  });

  test('more writes in a minute than are allowed get 429, and when to come again', async () => {
    await using made = await fresh(at(), { vectors, strict_mode_config: { enabled: true, write_rate_limit: 2 } });
    const { client, name } = made;
    const write = (): Promise<Response> =>
      fetch(`${at()}/collections/${name}/points`, {
        method: 'PUT',
        body: JSON.stringify({ points: [{ id: 1, vector: [1, 1] }] }),
      });
    const answers = [await write(), await write(), await write()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await client.count(name)).toEqual({ count: 1 });
  });
}

for (const name of ['qdrant', 'qdrant-next'] as const) {
  await onOwnService(name, () => {
    describe(`the face of ${name}`, () => {
      let own: OwnService | undefined;
      beforeAll(async () => {
        own = await startOwn(name);
      });
      afterAll(async () => {
        await own?.[Symbol.asyncDispose]();
      });
      const at = (): string => {
        if (own === undefined) throw new Error('It did not start.');
        return own.url;
      };
      testAnswers(at);
      testIndexes(at);
      testStrictMode(at);
    });
  });
}
