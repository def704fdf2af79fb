import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type LocalVault, localVault } from './support/local-vault.ts';

let vault: LocalVault;
const lines: string[] = [];
const request: LocalVault['request'] = (...args) => vault.request(...args);
const secret = 'top-secret-value';

beforeAll(async () => {
  vault = await localVault({
    maxBodyBytes: 100_000,
    log: pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }),
  });
  await request('POST', '/storage/sessions', { id: 's', agent_name: 'a' });
});
afterAll(() => vault.close());

/** A problem that says what was wrong, and nothing of how the Vault is made. */
function expectProblem(answer: { status: number; headers: object; text: string }, status: number): void {
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject({ 'content-type': expect.stringMatching(/^application\/problem\+json/) });
  const problem = JSON.parse(answer.text) as { detail: string };
  expect(problem).toEqual({
    type: 'about:blank',
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code: expect.any(String),
  });
  expect(problem.detail.length).toBeGreaterThan(8);
  expect(answer.text).not.toMatch(/\n +at |\.[jt]s:\d|SQLITE|FST_|node_modules/);
}

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const session = (fields: string): string => `{"agent_name":"a",${fields}}`;

describe.each<readonly [name: string, method: string, path: string, body: string | undefined, status: number]>([
  ['a body that is no JSON', 'POST', '/storage/sessions', `{"agent_name": "${secret}"`, 400],
  ['no body', 'POST', '/storage/sessions', undefined, 400],
  ['an empty body', 'POST', '/storage/sessions', '', 400],
  ['a body that is a list', 'POST', '/storage/sessions', '[]', 400],
  ['a body that is null', 'PUT', '/storage/state/s', 'null', 400],
  ['a missing member', 'POST', '/storage/sessions', '{}', 400],
  ['a member of another type', 'POST', '/storage/sessions', session('"metadata":[]'), 400],
  ['an empty name', 'POST', '/storage/sessions', '{"agent_name":""}', 400],
  ['a name that is too long', 'POST', '/storage/sessions', `{"agent_name":"${'x'.repeat(513)}"}`, 400],
  ['a name of too many bytes', 'POST', '/storage/sessions', `{"agent_name":"${'€'.repeat(300)}"}`, 413],
  ['a NUL in a name', 'POST', '/storage/sessions', '{"agent_name":"a\\u0000b"}', 400],
  ['a NUL in a value', 'PUT', '/storage/state/s', '{"data":{"a":["\\u0000"]}}', 400],
  ['a lone surrogate', 'PUT', '/storage/cache/k', '{"value":"\\ud800"}', 400],
  ['a poisoned prototype', 'PUT', '/storage/state/s', '{"data":{"__proto__":{"a":1}}}', 400],
  ['a number that is none', 'PUT', '/storage/state/s', '{"data":1e999}', 400],
  ['a value that is too deep', 'PUT', '/storage/state/s', `{"data":${deep(100)}}`, 400],
  ['a value of ten thousand levels', 'PUT', '/storage/state/s', `{"data":${deep(10_000)}}`, 400],
  ['a body that is too large', 'PUT', '/storage/state/s', `{"data":"${'x'.repeat(100_000)}"}`, 413],
  ['a NUL in the path', 'GET', '/storage/sessions/a%00b', undefined, 400],
  ['a bad escape in the path', 'GET', '/storage/sessions/%zz', undefined, 400],
  ['an id that is too long', 'GET', `/storage/sessions/${'x'.repeat(600)}`, undefined, 400],
  ['an id that is much too long', 'GET', `/storage/sessions/${'x'.repeat(3000)}`, undefined, 414],
  ['a negative limit', 'GET', '/storage/sessions?limit=-1', undefined, 400],
  ['a limit of nothing', 'GET', '/storage/history?session_id=s&limit=0', undefined, 400],
  ['a limit that is too large', 'GET', '/storage/metrics?limit=1001', undefined, 400],
  ['a limit that is no number', 'GET', '/storage/sessions?limit=ten', undefined, 400],
  ['a limit that is no whole number', 'GET', '/storage/sessions?limit=1.5', undefined, 400],
  ['a filter that is given twice', 'GET', '/storage/sessions?status=active&status=ended', undefined, 400],
  ['a cursor that is none', 'GET', '/storage/sessions?cursor=abc', undefined, 400],
  ['an unknown route', 'GET', '/storage/nothing', undefined, 404],
  ['an unknown route with a body', 'POST', '/nothing', '{}', 404],
  ['a method that is not for the path', 'DELETE', '/storage/sessions', undefined, 405],
  ['another method with a bad body', 'PATCH', '/storage/sessions/s', '{', 405],
])('%s', (_name, method, path, body, status) => {
  test(`is ${status}`, async () => expectProblem(await request(method, path, body), status));
});

test('what is no JSON by its type is 415', async () => {
  expectProblem(
    await request('POST', '/storage/sessions', 'agent_name=a', { 'content-type': 'application/x-www-form-urlencoded' }),
    415,
  );
});

test('a method that is not for the path is told which are', async () => {
  expect((await request('PUT', '/storage/history', {})).headers).toMatchObject({ allow: 'DELETE, GET, HEAD, POST' });
  expect((await request('OPTIONS', '/health')).headers).toMatchObject({ allow: 'GET, HEAD' });
});

test('a cursor of another query or tampered with is refused', async () => {
  for (let i = 0; i < 3; i++) await request('POST', '/storage/sessions', { agent_name: 'paged' });
  const { headers } = await request('GET', '/storage/sessions?agent_name=paged&limit=1');
  const cursor = /cursor=([^&>]+)/.exec(String(headers['link']))?.[1] ?? '';
  expect((await request('GET', `/storage/sessions?agent_name=paged&cursor=${cursor}`)).status).toBe(200);
  for (const query of [
    `agent_name=a&cursor=${cursor}`,
    `cursor=${cursor}`,
    `agent_name=paged&cursor=${cursor.slice(0, -1)}`,
    `agent_name=paged&cursor=${cursor}A`,
  ]) {
    expectProblem(await request('GET', `/storage/sessions?${query}`), 400);
  }
});

test('nothing of a refused write is kept, and nothing of a body is logged', async () => {
  expect((await request('GET', '/storage/state/s')).status).toBe(404);
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.join('')).not.toContain(secret);
});

test('a store that is closed is 503, and an error of the Vault itself tells nothing', async () => {
  const other = await localVault();
  await other.manager.shutdown();
  expectProblem(await other.request('GET', '/storage/sessions/s'), 503);
  expect(await other.request('GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy' } });
  await other.close();
});
