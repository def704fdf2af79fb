import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Caller, startCaller } from './client.ts';

const delayMs = 250;

let standIn: Caller;
let data: string;
beforeEach(async () => {
  standIn = await startCaller({ consistencyDelayMs: delayMs });
  data = await standIn.index();
});
afterEach(() => standIn.close());

const upsert = (id: string, namespace = '') =>
  standIn.call('POST', `${data}/vectors/upsert`, { vectors: [{ id, values: [1, 0], metadata: { id } }], namespace });
const query = (namespace = '') => standIn.call('POST', `${data}/query`, { vector: [1, 0], topK: 9, namespace });
const writeLsn = (answer: { headers: Headers }) => Number(answer.headers.get('x-pinecone-request-lsn'));
const readLsn = (answer: { headers: Headers }) => answer.headers.get('x-pinecone-max-indexed-lsn');

/** As the documentation says: ask until the number of the query has reached that of the write. */
async function until(lsn: number, namespace = ''): Promise<number> {
  const started = performance.now();
  while (Number(readLsn(await query(namespace)) ?? 0) < lsn) await new Promise((resolve) => setTimeout(resolve, 10));
  return performance.now() - started;
}

test('no read sees a write before its time, and every read sees it after', async () => {
  const written = await upsert('a');
  expect(written.status).toBe(200);
  const reads = async () => [
    (await query()).body.matches.length,
    Object.keys((await standIn.call('GET', `${data}/vectors/fetch?ids=a`)).body.vectors).length,
    Object.keys((await standIn.call('GET', `${data}/vectors/list`)).body.vectors).length,
    Object.keys((await standIn.call('POST', `${data}/describe_index_stats`, {})).body.namespaces).length,
    (await standIn.call('GET', `${data}/namespaces`)).body.namespaces.length,
    Object.keys((await standIn.call('POST', `${data}/vectors/fetch_by_metadata`, { filter: { id: 'a' } })).body.vectors)
      .length,
  ];
  expect(await reads()).toEqual([0, 0, 0, 0, 0, 0]);
  const waited = await until(writeLsn(written));
  expect(waited).toBeGreaterThan(delayMs / 4);
  expect(await reads()).toEqual([1, 1, 1, 1, 1, 1]);
});

test('a delete is seen late too, and writes are seen in their order', async () => {
  await until(writeLsn(await upsert('a')));
  await upsert('b');
  const removed = await standIn.call('POST', `${data}/vectors/delete`, { ids: ['a', 'b'] });
  await upsert('c');
  expect((await query()).body.matches.map(({ id }) => id)).toEqual(['a']);
  await until(writeLsn(removed) + 1);
  expect((await query()).body.matches.map(({ id }) => id)).toEqual(['c']);
});

test('a delete by filter reaches what was written just before it', async () => {
  await upsert('a');
  const removed = await standIn.call('POST', `${data}/vectors/delete`, { filter: { id: 'a' } });
  await until(writeLsn(removed));
  expect((await query()).body.matches).toEqual([]);
});

test('one index can be told to be slower, and to count missing fields in', async () => {
  const tell = (body: object) => standIn.call('PATCH', '/_stand-in/indexes/index-1', body);
  expect((await tell({ consistencyDelayMs: 0, negationMatchesMissing: true })).status).toBe(204);
  await upsert('a');
  const negated = { vector: [1, 0], topK: 9, filter: { genre: { $ne: 'drama' } } };
  expect((await standIn.call('POST', `${data}/query`, negated)).body.matches).toHaveLength(1);
  await tell({ negationMatchesMissing: false });
  expect((await standIn.call('POST', `${data}/query`, negated)).body.matches).toHaveLength(0);
  expect((await standIn.call('PATCH', '/_stand-in/indexes/nowhere', {})).status).toBe(404);
});

test('numbers count the writes of one namespace', async () => {
  const lsns = [await upsert('a', 'one'), await upsert('b', 'one'), await upsert('a', 'two')].map(writeLsn);
  expect(lsns).toEqual([1, 2, 1]);
  expect(readLsn(await query('one'))).toBeNull();
  await until(2, 'one');
});

test('indexes of pods have no numbers, and are as late', async () => {
  const pods = await standIn.index({ spec: { pod: { environment: 'us-east-1-aws', pod_type: 'p1.x1' } } });
  const written = await standIn.call('POST', `${pods}/vectors/upsert`, { vectors: [{ id: 'a', values: [1, 0] }] });
  expect([written.status, written.headers.get('x-pinecone-request-lsn')]).toEqual([200, null]);
  const ask = () => standIn.call('POST', `${pods}/query`, { vector: [1, 0], topK: 1 });
  let answer = await ask();
  expect(answer.body.matches).toEqual([]);
  while (answer.body.matches.length === 0) answer = await ask();
  expect(readLsn(answer)).toBeNull();
});

test('numbers do not go back when a namespace is deleted and made anew', async () => {
  await upsert('a', 'one');
  const dropped = await standIn.call('DELETE', `${data}/namespaces/one`);
  expect(dropped.status).toBe(200);
  const again = await upsert('b', 'one');
  expect(writeLsn(again)).toBe(writeLsn(dropped) + 1);
  await until(writeLsn(again), 'one');
  expect((await query('one')).body.matches.map(({ id }) => id)).toEqual(['b']);
});
