import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type LocalVault, localVault } from './support/local-vault.ts';

let vault: LocalVault;
const request: LocalVault['request'] = (...args) => vault.request(...args);

beforeAll(async () => {
  vault = await localVault();
});
afterAll(() => vault.close());

async function newSession(fields: object = {}): Promise<string> {
  const { status, body } = await request<{ id: string }>('POST', '/storage/sessions', {
    agent_name: 'agent',
    ...fields,
  });
  expect(status).toBe(201);
  return body.id;
}

/** Follows the Link headers from a path to the end. */
async function pages<T>(path: string): Promise<T[][]> {
  const found: T[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const { status, body, headers }: Answer<T[]> = await request<T[]>('GET', next);
    expect(status).toBe(200);
    found.push(body);
    next = /^<([^>]+)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1];
  }
  return found;
}

describe('sessions', () => {
  test('are created, read, changed and deleted', async () => {
    const made = await request<{ id: string }>('POST', '/storage/sessions', {
      agent_name: 'a',
      user_id: null,
      metadata: { n: 1 },
    });
    expect(made.body).toEqual({
      id: expect.stringMatching(/^session_[0-9a-f-]{36}$/),
      agent_name: 'a',
      status: 'active',
      created_at: expect.any(String),
      updated_at: expect.any(String),
      metadata: { n: 1 },
    });
    const path = `/storage/sessions/${made.body.id}`;
    expect(made.headers['location']).toBe(path);
    expect((await request('GET', path)).body).toEqual(made.body);

    const changed = await request('PUT', path, {
      id: made.body.id,
      status: 'paused',
      user_id: 'u',
      metadata: { other: true },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { agent_name: 'a', user_id: 'u', status: 'paused', metadata: { other: true } },
    });
    expect((await request('PUT', path, { user_id: null })).body).not.toHaveProperty('user_id');
    expect((await request('PUT', path, {})).body).toMatchObject({ status: 'paused', metadata: { other: true } });

    expect(await request('DELETE', path)).toMatchObject({ status: 204, text: '' });
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', {}],
      ['DELETE', undefined],
    ] as const) {
      expect(await request(method, path, body)).toMatchObject({
        status: 404,
        body: { code: 'not_found', status: 404 },
      });
    }
  });

  test('take an id of the client, once', async () => {
    const id = 'mine / ü 1';
    expect(await newSession({ id })).toBe(id);
    expect((await request('GET', `/storage/sessions/${encodeURIComponent(id)}`)).body).toMatchObject({ id });
    expect(await request('POST', '/storage/sessions', { id, agent_name: 'b' })).toMatchObject({
      status: 409,
      body: { code: 'already_exists' },
    });
  });

  test('are filtered, and paged newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++)
      ids.push(
        await newSession({
          agent_name: 'pager',
          user_id: i % 2 ? 'odd' : 'even',
          status: i === 3 ? 'ended' : 'active',
        }),
      );
    const found = await pages<{ id: string }>('/storage/sessions?agent_name=pager&limit=3');
    expect(found.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(found.flat().map(({ id }) => id)).toEqual(ids.toReversed());
    const odd = await pages<{ id: string }>('/storage/sessions?agent_name=pager&user_id=odd&status=active');
    expect(odd.flat().map(({ id }) => id)).toEqual([ids[5], ids[1]]);
    expect(await request('GET', '/storage/sessions?agent_name=nobody')).toMatchObject({ status: 200, body: [] });
    expect((await request('GET', '/storage/sessions?status=unknown')).status).toBe(400);
  });

  test('take everything that is theirs with them', async () => {
    const id = await newSession();
    const kept = await newSession();
    for (const session_id of [id, kept]) {
      await request('POST', '/storage/history', { session_id, role: 'user', content: 'x' });
      await request('PUT', `/storage/state/${session_id}`, { data: 1 });
      await request('POST', '/storage/artifacts', { session_id, name: 'n', type: 't', path: 'p' });
      await request('POST', '/storage/metrics', {
        session_id,
        entity_type: 'agent',
        entity_name: 'cascade',
        metric_name: 'm',
        value: 1,
      });
    }
    const [{ id: artifact }] = (await request<[{ id: string }]>('GET', `/storage/artifacts?session_id=${id}`)).body;
    expect((await request('DELETE', `/storage/sessions/${id}`)).status).toBe(204);
    for (const path of [
      `/storage/history?session_id=${id}`,
      `/storage/state/${id}`,
      `/storage/artifacts?session_id=${id}`,
      `/storage/artifacts/${artifact}`,
    ]) {
      expect(await request('GET', path)).toMatchObject({ status: 404 });
    }
    expect((await request<object[]>('GET', '/storage/metrics?entity_name=cascade')).body).toEqual([
      expect.objectContaining({ session_id: kept }),
    ]);
    expect((await request<object[]>('GET', `/storage/history?session_id=${kept}`)).body).toHaveLength(1);
    // A new session of the same id begins empty.
    await newSession({ id });
    expect((await request('GET', `/storage/history?session_id=${id}`)).body).toEqual([]);
  });
});

describe('history', () => {
  test('answers the newest messages, the oldest of them first, and leads to those before', async () => {
    const session_id = await newSession();
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        request('POST', '/storage/history', { session_id, role: 'tool', content: `${i}` }),
      ),
    );
    const all = await pages<{ content: string }>(`/storage/history?session_id=${session_id}`);
    expect(all).toHaveLength(1);
    const contents = all.flat().map(({ content }) => content);
    expect(contents.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    const paged = await pages<{ content: string }>(`/storage/history?session_id=${session_id}&limit=4`);
    expect(paged.map((page) => page.length)).toEqual([4, 4, 2]);
    expect(
      paged
        .toReversed()
        .flat()
        .map(({ content }) => content),
    ).toEqual(contents);
  });

  test('has 100 messages when no limit is given', async () => {
    const session_id = await newSession();
    await Promise.all(
      Array.from({ length: 103 }, () =>
        request('POST', '/storage/history', { session_id, role: 'user', content: 'x' }),
      ),
    );
    expect((await pages(`/storage/history?session_id=${session_id}`)).map((page) => page.length)).toEqual([100, 3]);
  });

  test('is cleared, and never gives a place twice', async () => {
    const session_id = await newSession();
    const { conversations } = vault.manager;
    await conversations.append({ conversationId: session_id, role: 'user', content: 'first' });
    expect(await request('DELETE', `/storage/history?session_id=${session_id}`)).toMatchObject({
      status: 200,
      body: { deleted: 1 },
    });
    expect((await request('DELETE', `/storage/history?session_id=${session_id}`)).body).toEqual({ deleted: 0 });
    expect(await conversations.append({ conversationId: session_id, role: 'user', content: 'second' })).toMatchObject({
      sequence: 2,
    });
  });

  test('needs a session that is there', async () => {
    for (const [method, path] of [
      ['GET', '/storage/history'],
      ['DELETE', '/storage/history'],
      ['GET', '/storage/artifacts'],
    ] as const) {
      expect(await request(method, path)).toMatchObject({ status: 400, body: { code: 'invalid_argument' } });
      expect(await request(method, `${path}?session_id=nobody`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    }
    const message = { session_id: 'nobody', role: 'user', content: 'x' };
    expect((await request('POST', '/storage/history', message)).status).toBe(404);
    expect((await request('POST', '/storage/history', { ...message, role: 'robot' })).status).toBe(400);
  });
});

test('state is put, read and deleted, whatever JSON it is', async () => {
  const id = await newSession();
  const path = `/storage/state/${id}`;
  expect((await request('GET', path)).status).toBe(404);
  for (const data of [{ a: [1, { b: null }] }, [], 'text', 0, false, null]) {
    expect(await request('PUT', path, { data })).toMatchObject({ status: 200, body: { session_id: id, data } });
    expect((await request('GET', path)).body).toMatchObject({ data });
  }
  expect((await request('PUT', path, {})).status).toBe(400);
  expect((await request('PUT', path, { session_id: 'other', data: 1 })).status).toBe(400);
  expect((await request('PUT', path, { session_id: id, data: 1 })).status).toBe(200);
  expect((await request('DELETE', path)).status).toBe(204);
  expect((await request('DELETE', path)).status).toBe(404);
  expect((await request('PUT', '/storage/state/nobody', { data: 1 })).status).toBe(404);
});

test('artifacts are created, listed, read and deleted', async () => {
  const session_id = await newSession();
  const fields = {
    session_id,
    name: 'report.pdf',
    type: 'report',
    path: '/files/../report.pdf',
    size: 12,
    metadata: { pages: 3 },
  };
  const made = await request<{ id: string }>('POST', '/storage/artifacts', fields);
  expect(made).toMatchObject({
    status: 201,
    body: { ...fields, id: expect.stringMatching(/^artifact_/), created_at: expect.any(String) },
  });
  expect((await request('GET', `/storage/artifacts/${made.body.id}`)).body).toEqual(made.body);
  const { body: second } = await request<{ id: string }>('POST', '/storage/artifacts', { ...fields, size: undefined });
  expect(second).toMatchObject({ size: 0 });
  const found = await pages<{ id: string }>(`/storage/artifacts?session_id=${session_id}&limit=1`);
  expect(found.flat().map(({ id }) => id)).toEqual([second.id, made.body.id]);
  expect((await request('DELETE', `/storage/artifacts/${made.body.id}`)).status).toBe(204);
  expect((await request('DELETE', `/storage/artifacts/${made.body.id}`)).status).toBe(404);
  expect((await request('POST', '/storage/artifacts', { ...fields, size: -1 })).status).toBe(400);
  expect((await request('POST', '/storage/artifacts', { ...fields, session_id: 'nobody' })).status).toBe(404);
});

test('metrics are recorded and queried by entity, name, session and time', async () => {
  const session_id = await newSession();
  const point = { entity_type: 'agent', entity_name: 'timer', metric_name: 'latency' };
  for (const [day, value] of [
    ['2026-01-01', 1],
    ['2026-01-02', 2.5],
    ['2026-01-03', -3e-7],
  ] as const) {
    const made = await request('POST', '/storage/metrics', {
      ...point,
      value,
      timestamp: `${day}T00:00:00Z`,
      labels: { day },
      session_id: day.endsWith('3') ? session_id : null,
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        ...point,
        value,
        id: expect.stringMatching(/^metric_/),
        timestamp: `${day}T00:00:00.000Z`,
        labels: { day },
      },
    });
  }
  const values = async (query: string): Promise<unknown[]> =>
    (await request<{ value: number }[]>('GET', `/storage/metrics?entity_name=timer&${query}`)).body.map(
      ({ value }) => value,
    );
  expect(await values('')).toEqual([-3e-7, 2.5, 1]);
  expect(await values('start=2026-01-02&end=2026-01-02T00:00:00')).toEqual([2.5]);
  expect(await values('start=2026-01-02T01:00:00%2B01:00')).toEqual([-3e-7, 2.5]);
  expect(await values(`session_id=${session_id}`)).toEqual([-3e-7]);
  expect(await values('metric_name=other')).toEqual([]);
  expect(
    (await pages('/storage/metrics?entity_type=agent&entity_name=timer&metric_name=latency&limit=2')).map(
      (page) => page.length,
    ),
  ).toEqual([2, 1]);
  expect((await request('POST', '/storage/metrics', { ...point, value: 1, session_id: 'nobody' })).status).toBe(404);
  expect((await request('POST', '/storage/metrics', { ...point, value: '1' })).status).toBe(400);
  for (const start of ['yesterday', '2026-13-01', ''])
    expect((await request('GET', `/storage/metrics?start=${start}`)).status).toBe(400);
});

describe('the cache', () => {
  test('keeps values, tells when they were read, and lets them expire', async () => {
    const path = '/storage/cache/a%2Fb';
    const put = await request<{ accessed_at: string }>('PUT', path, { key: 'a/b', value: [1], ttl: 0.5 });
    expect(put).toMatchObject({
      status: 200,
      body: { key: 'a/b', value: [1], ttl: 0.5, created_at: expect.any(String), accessed_at: expect.any(String) },
    });
    vault.advance(100);
    const read = await request<{ accessed_at: string }>('GET', path);
    expect(read.body).toMatchObject({ value: [1], ttl: 0.5 });
    expect(Date.parse(read.body.accessed_at)).toBeGreaterThan(Date.parse(put.body.accessed_at));
    expect(read.headers['etag']).toBe(put.headers['etag']);
    vault.advance(500);
    expect((await request('GET', path)).status).toBe(404);
    expect((await request('DELETE', path)).status).toBe(404);
    expect(await request('POST', '/storage/cache/cleanup')).toMatchObject({ status: 200, body: { deleted: 1 } });
    expect((await request('POST', '/storage/cache/cleanup', '')).body).toEqual({ deleted: 0 });
  });

  test('keeps for ever what has no time to live', async () => {
    expect((await request('PUT', '/storage/cache/plain', { value: null, ttl: null })).body).not.toHaveProperty('ttl');
    vault.advance(1e10);
    expect(await request('GET', '/storage/cache/plain')).toMatchObject({ status: 200, body: { value: null } });
    expect((await request('PUT', '/storage/cache/plain', { key: 'other', value: 1 })).status).toBe(400);
    for (const ttl of [0, -1, '5', 1e300])
      expect((await request('PUT', '/storage/cache/plain', { value: 1, ttl })).status).toBe(400);
    expect((await request('DELETE', '/storage/cache/plain')).status).toBe(204);
  });
});

test('the service tells what it is and how it is', async () => {
  expect(await request('GET', '/')).toMatchObject({
    status: 200,
    body: { service: 'storage', openapi: '/openapi.json' },
  });
  expect(await request('GET', '/health')).toMatchObject({
    status: 200,
    body: { status: 'healthy', backend: 'sqlite' },
  });
  expect((await request('GET', '/docs/')).status).toBe(200);
});
