import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalVault, localVault } from './support/local-vault.ts';

let vault: LocalVault;
const request: LocalVault['request'] = (...args) => vault.request(...args);
const lost = { status: 412, body: { code: 'precondition_failed', status: 412 } };

beforeAll(async () => {
  vault = await localVault();
});
afterAll(() => vault.close());

let session = 0;
let id = '';
beforeEach(async () => {
  id = `s${++session}`;
  await request('POST', '/storage/sessions', { id, agent_name: 'a' });
});

/** Every document that can be changed under a condition: where it is, and how to write it. */
const documents = [
  {
    kind: 'a session',
    creates: false,
    path: () => `/storage/sessions/${id}`,
    write: { status: 'paused' },
    prepare: undefined,
  },
  {
    kind: 'a state',
    creates: true,
    path: () => `/storage/state/${id}`,
    write: { data: { n: 1 } },
    prepare: { data: 0 },
  },
  {
    kind: 'a cache entry',
    creates: true,
    path: () => `/storage/cache/${id}`,
    write: { value: 1 },
    prepare: { value: 0 },
  },
] as const;

describe.each(documents)('$kind', ({ creates, path, write, prepare }) => {
  beforeEach(async () => {
    if (prepare !== undefined) await request('PUT', path(), prepare);
  });

  test('is not sent again to who has it', async () => {
    const { headers } = await request('GET', path());
    const etag = String(headers['etag']);
    expect(etag).toMatch(/^"[\w-]{16}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      expect(await request('GET', path(), undefined, { 'if-none-match': known })).toMatchObject({
        status: 304,
        text: '',
        headers: { etag },
      });
    }
    expect((await request('GET', path(), undefined, { 'if-none-match': '"other"' })).status).toBe(200);
    expect(await request('GET', path(), undefined, { 'if-match': '"other"' })).toMatchObject(lost);
    expect((await request('GET', path(), undefined, { 'if-match': etag })).status).toBe(200);
  });

  test('is changed only if it is what was read', async () => {
    const { headers } = await request('GET', path());
    const first = String(headers['etag']);
    const changed = await request('PUT', path(), write, { 'if-match': first });
    expect(changed.status).toBe(200);
    const second = String(changed.headers['etag']);
    expect(second).not.toBe(first);
    for (const condition of [
      { 'if-match': first },
      { 'if-match': `W/${second}` },
      { 'if-none-match': second },
      { 'if-none-match': '*' },
    ]) {
      expect(await request('PUT', path(), write, condition as never)).toMatchObject(lost);
    }
    expect((await request('GET', path())).headers['etag']).toBe(second);
    for (const condition of [`"x", ${second}`, '*']) {
      const { status, headers: answered } = await request('PUT', path(), write, { 'if-match': condition });
      expect(status).toBe(200);
      expect(await request('PUT', path(), write, { 'if-match': second })).toMatchObject(lost);
      if (condition !== '*') await request('PUT', path(), write, { 'if-match': String(answered['etag']) });
    }
    expect((await request('PUT', path(), write, { 'if-none-match': '"x", "y"' })).status).toBe(200);
  });

  test('is deleted only if it is what was read', async () => {
    const { headers } = await request('GET', path());
    expect(await request('DELETE', path(), undefined, { 'if-match': '"other"' })).toMatchObject(lost);
    expect((await request('DELETE', path(), undefined, { 'if-match': String(headers['etag']) })).status).toBe(204);
    expect((await request('DELETE', path(), undefined, { 'if-match': '*' })).status).toBe(404);
  });

  test('is made by one of many who find nothing there', async () => {
    await request('DELETE', path());
    const all = await Promise.all(
      Array.from({ length: 8 }, () => request('PUT', path(), write, { 'if-none-match': '*' })),
    );
    const statuses = all.map(({ status }) => status).sort();
    expect(statuses).toEqual(creates ? [200, ...Array(7).fill(412)] : Array(8).fill(404));
  });

  test('is changed by one of many who read the same', async () => {
    const { headers } = await request('GET', path());
    const match = { 'if-match': String(headers['etag']) };
    const all = await Promise.all(Array.from({ length: 8 }, () => request('PUT', path(), write, match)));
    expect(all.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
  });

  test.each(['x', '"x', 'W/x', '"a" "b"', ''])('refuses the tag %j', async (tag) => {
    expect(await request('GET', path(), undefined, { 'if-match': tag })).toMatchObject({
      status: 400,
      body: { code: 'invalid_argument' },
    });
    expect(await request('PUT', path(), write, { 'if-none-match': tag })).toMatchObject({ status: 400 });
  });
});

test('reading a cache entry keeps its tag', async () => {
  await request('PUT', '/storage/cache/read', { value: 1 });
  const { headers } = await request('GET', '/storage/cache/read');
  vault.advance(5000);
  expect(
    (await request('GET', '/storage/cache/read', undefined, { 'if-none-match': String(headers['etag']) })).status,
  ).toBe(304);
});
