import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Caller, serverless, startCaller } from './client.ts';

let standIn: Caller;
beforeAll(async () => {
  standIn = await startCaller();
});
afterAll(() => standIn.close());

const create = (input: object) => standIn.call('POST', '/indexes', { dimension: 2, spec: serverless, ...input });

describe('indexes', () => {
  test('are made, described, listed, configured and deleted', async () => {
    const made = await create({ name: 'products', metric: 'dotproduct', tags: { team: 'search' } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: 'products',
      dimension: 2,
      metric: 'dotproduct',
      vector_type: 'dense',
      deletion_protection: 'disabled',
      tags: { team: 'search' },
      status: { ready: true, state: 'Ready' },
      spec: { serverless: { cloud: 'aws', region: 'us-east-1', read_capacity: { mode: 'OnDemand' } } },
    });
    expect(made.body.host).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//);
    expect((await standIn.call('GET', '/indexes/products')).body).toEqual(made.body);
    expect((await standIn.call('GET', '/indexes')).body.indexes).toContainEqual(made.body);

    const changed = await standIn.call('PATCH', '/indexes/products', {
      deletion_protection: 'enabled',
      tags: { team: '', owner: 'me' },
    });
    expect(changed.status).toBe(202);
    expect(changed.body).toMatchObject({ deletion_protection: 'enabled', tags: { owner: 'me' } });
    const kept = await standIn.call('DELETE', '/indexes/products');
    expect(kept).toMatchObject({ status: 403, body: { status: 403, error: { code: 'FORBIDDEN' } } });

    await standIn.call('PATCH', '/indexes/products', { deletion_protection: 'disabled' });
    expect((await standIn.call('DELETE', '/indexes/products')).status).toBe(202);
    const gone = await standIn.call('GET', '/indexes/products');
    expect(gone.body).toEqual({ error: { code: 'NOT_FOUND', message: 'Index products not found.' }, status: 404 });
  });

  test('of pods take an environment and a type, and can be scaled', async () => {
    const spec = { pod: { environment: 'us-east-1-aws', pod_type: 'p1.x1', replicas: 2 } };
    const made = await create({ name: 'pods', spec });
    expect(made.body.spec).toEqual({
      pod: { environment: 'us-east-1-aws', pod_type: 'p1.x1', replicas: 2, shards: 1, pods: 2 },
    });
    const change = { spec: { pod: { replicas: 3, pod_type: 'p1.x2' } } };
    const scaled = await standIn.call('PATCH', '/indexes/pods', change);
    expect(scaled.body.spec.pod).toMatchObject({ replicas: 3, pods: 3, pod_type: 'p1.x2' });
    const otherKind = await standIn.call('PATCH', '/indexes/pods', { spec: { serverless: {} } });
    expect(otherKind).toMatchObject({ status: 400, body: { error: { code: 'INVALID_ARGUMENT' } } });
  });

  test('exist once', async () => {
    await create({ name: 'once' });
    const again = await create({ name: 'once' });
    expect(again.status).toBe(409);
    expect(again.body).toEqual({ error: { code: 'ALREADY_EXISTS', message: 'Resource already exists.' }, status: 409 });
  });

  test.each<readonly [what: string, input: object, status: number, code: string]>([
    ['a capital letter', { name: 'Products' }, 400, 'INVALID_ARGUMENT'],
    ['an underscore', { name: 'my_index' }, 400, 'INVALID_ARGUMENT'],
    ['a hyphen at the end', { name: 'products-' }, 400, 'INVALID_ARGUMENT'],
    ['46 characters', { name: 'a'.repeat(46) }, 400, 'INVALID_ARGUMENT'],
    ['no name', {}, 422, 'UNPROCESSABLE_ENTITY'],
    ['dimension 0', { name: 'x', dimension: 0 }, 400, 'INVALID_ARGUMENT'],
    ['dimension 20001', { name: 'x', dimension: 20_001 }, 400, 'INVALID_ARGUMENT'],
    ['dimension 1.5', { name: 'x', dimension: 1.5 }, 422, 'UNPROCESSABLE_ENTITY'],
    ['another metric', { name: 'x', metric: 'manhattan' }, 400, 'INVALID_ARGUMENT'],
    ['an unknown field', { name: 'x', replicas: 2 }, 422, 'UNPROCESSABLE_ENTITY'],
    ['an unknown region', { name: 'x', spec: { serverless: { cloud: 'aws', region: 'us-west1' } } }, 404, 'NOT_FOUND'],
    ['two specs', { name: 'x', spec: { ...serverless, pod: {} } }, 422, 'UNPROCESSABLE_ENTITY'],
    [
      'an unknown pod type',
      { name: 'x', spec: { pod: { environment: 'us-east-1-aws', pod_type: 'p3.x1' } } },
      400,
      'INVALID_ARGUMENT',
    ],
    [
      'an unknown environment',
      { name: 'x', spec: { pod: { environment: 'moon', pod_type: 'p1.x1' } } },
      404,
      'NOT_FOUND',
    ],
    ['a sparse index with a dimension', { name: 'x', vector_type: 'sparse' }, 400, 'INVALID_ARGUMENT'],
    ['a tag with a slash', { name: 'x', tags: { 'a/b': 'c' } }, 400, 'INVALID_ARGUMENT'],
  ])('refuse %s', async (_what, input, status, code) => {
    const answer = await create(input);
    expect(answer).toMatchObject({ status, body: { status, error: { code } } });
  });

  test('take names of 1 and of 45 characters', async () => {
    expect((await create({ name: 'a' })).status).toBe(201);
    expect((await create({ name: 'a'.repeat(45) })).status).toBe(201);
  });
});

describe('requests', () => {
  test('need a key', async () => {
    const answer = await standIn.call('GET', '/indexes', undefined, { 'api-key': '' });
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({ error: { code: 'UNAUTHENTICATED', message: 'Invalid API key.' }, status: 401 });
    const data = await standIn.index();
    const denied = await standIn.call('POST', `${data}/query`, { topK: 1, vector: [1, 0] }, { 'api-key': '' });
    expect(denied).toMatchObject({ status: 401, body: { code: 16, details: [] } });
  });

  test('need the right key where there is one', async () => {
    const guarded = await startCaller({ apiKey: 'right' });
    expect((await guarded.call('GET', '/indexes')).status).toBe(401);
    expect((await guarded.call('GET', '/indexes', undefined, { 'api-key': 'right' })).status).toBe(200);
    await guarded.close();
  });

  test('without a version are taken for the oldest; of an unknown one they are refused', async () => {
    const oldest = await fetch(`${standIn.url}/indexes`, { headers: { 'api-key': 'key' } });
    expect([oldest.status, oldest.headers.get('x-pinecone-api-version')]).toEqual([200, '2025-10']);
    const unknown = await standIn.call('GET', '/indexes', undefined, { 'x-pinecone-api-version': '2031-01' });
    expect(unknown).toMatchObject({ status: 400, body: { error: { code: 'INVALID_ARGUMENT' } } });
  });

  test('of what is published and not made here say so', async () => {
    expect((await standIn.call('GET', '/collections')).status).toBe(501);
    expect((await standIn.call('GET', '/nowhere')).status).toBe(404);
    const data = await standIn.index();
    expect((await standIn.call('GET', `${data}/bulk/imports`)).body.code).toBe(12);
  });
});

test('an index is Initializing before it is Ready, and Terminating before it is gone', async () => {
  const slow = await startCaller({ readyDelayMs: 300 });
  const data = await slow.index();
  const state = async () => (await slow.call('GET', '/indexes/index-1')).body.status?.state;
  const until = async (wanted: string | undefined) => {
    while ((await state()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  expect(await state()).toBe('Initializing');
  expect((await slow.call('POST', `${data}/describe_index_stats`, {})).status).toBe(404);
  await until('Ready');
  expect((await slow.call('POST', `${data}/describe_index_stats`, {})).status).toBe(200);
  await slow.call('DELETE', '/indexes/index-1');
  expect(await state()).toBe('Terminating');
  const taken = await slow.call('POST', '/indexes', { name: 'index-1', dimension: 2, spec: serverless });
  expect(taken.status).toBe(409);
  await until(undefined);
  await slow.close();
});
