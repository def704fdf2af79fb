import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import type { Fault } from '../src/index.ts';
import { type Caller, startCaller } from './client.ts';

let standIn: Caller;
let data: string;
beforeEach(async () => {
  standIn = await startCaller();
  data = await standIn.index();
});
afterEach(() => standIn.close());

const plan = async (fault: Fault) => {
  expect((await standIn.call('POST', '/_stand-in/faults', fault)).status).toBe(204);
};
const stats = () => standIn.call('POST', `${data}/describe_index_stats`, {});
const upsert = (id: string) => standIn.call('POST', `${data}/vectors/upsert`, { vectors: [{ id, values: [1, 0] }] });
const fetchIds = async (...ids: string[]) =>
  Object.keys(
    (await standIn.call('GET', `${data}/vectors/fetch?${ids.map((id) => `ids=${id}`).join('&')}`)).body.vectors,
  );

test('the next requests are told to come back later, and say when', async () => {
  await plan({ kind: 'rate-limit', count: 2, retryAfterSeconds: 3 });
  const limited = await stats();
  expect(limited).toMatchObject({ status: 429, body: { code: 8, details: [] } });
  expect(limited.headers.get('retry-after')).toBe('3');
  const control = await standIn.call('GET', '/indexes');
  expect(control).toMatchObject({ status: 429, body: { status: 429, error: { code: 'RESOURCE_EXHAUSTED' } } });
  expect((await stats()).status).toBe(200);
});

test.each([
  ['internal', 500, 13],
  ['unavailable', 503, 14],
] as const)('%s is answered with %i', async (kind, status, code) => {
  await plan({ kind });
  expect(await stats()).toMatchObject({ status, body: { code } });
  expect((await stats()).status).toBe(200);
});

test('a fault befalls the index and the path that it is for', async () => {
  const other = await standIn.index();
  await plan({ kind: 'unavailable', index: 'index-1', path: '/query' });
  expect((await stats()).status).toBe(200);
  const query = (path: string) => standIn.call('POST', `${path}/query`, { vector: [1, 0], topK: 1 });
  expect((await query(other)).status).toBe(200);
  expect((await query(data)).status).toBe(503);
  expect((await query(data)).status).toBe(200);
});

test('a fault before a write leaves nothing of it, one after it leaves all', async () => {
  await plan({ kind: 'internal', path: '/vectors/upsert' });
  expect((await upsert('before')).status).toBe(500);
  await plan({ kind: 'internal', path: '/vectors/upsert', when: 'after' });
  expect((await upsert('after')).status).toBe(500);
  expect(await fetchIds('before', 'after')).toEqual(['after']);
});

test('a connection breaks before a write or after it', async () => {
  await plan({ kind: 'reset', path: '/vectors/upsert' });
  await expect(upsert('before')).rejects.toThrow();
  await plan({ kind: 'reset', path: '/vectors/upsert', when: 'after' });
  await expect(upsert('after')).rejects.toThrow();
  expect(await fetchIds('before', 'after')).toEqual(['after']);
});

test('a request hangs until its client goes, or faults are cleared', async () => {
  await plan({ kind: 'hang', count: 2 });
  const signal = AbortSignal.timeout(100);
  const headers = { 'api-key': 'key' };
  await expect(fetch(`${standIn.url}/indexes`, { headers, signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  const hanging = standIn.call('GET', '/indexes');
  const broken = expect(hanging).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await standIn.call('DELETE', '/_stand-in/faults')).status).toBe(204);
  await broken;
  expect((await stats()).status).toBe(200);
});

test('a fault that is none is refused', async () => {
  const answer = await standIn.call('POST', '/_stand-in/faults', { kind: 'fire' });
  expect(answer.status).toBe(422);
});

test("the vendor's client retries what it does, and no more", async () => {
  const pinecone = new Pinecone({ apiKey: 'key', controllerHostUrl: standIn.url });
  await plan({ kind: 'unavailable', count: 2 });
  expect((await pinecone.listIndexes()).indexes).toHaveLength(1);
  await plan({ kind: 'rate-limit' });
  await expect(pinecone.listIndexes()).rejects.toThrow('429');
});
