import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { startCheckedProxy } from '../src/index.ts';

/** A server that answers what it is told, and remembers what it was asked. */
async function startServer(answer: (asked: IncomingMessage, told: ServerResponse, url: string) => void) {
  const seen: string[] = [];
  const server = createServer((asked, told) => {
    const parts: Buffer[] = [];
    asked.on('data', (part: Buffer) => parts.push(part));
    asked.on('end', () => {
      seen.push(`${asked.method} ${asked.headers.host} ${asked.url} ${Buffer.concat(parts)}`);
      answer(asked, told, url);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const json = (told: ServerResponse, value: unknown, status = 200) =>
  told.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

const qdrantOk = (told: ServerResponse) =>
  json(told, { result: { operation_id: 0, status: 'completed' }, status: 'ok', time: 0.1 });

const send = (url: string, method: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

const upsert = '/collections/{collection_name}/points';
const points = { points: [{ id: 1, vector: [1, 2], payload: { a: { b: [1] } } }] };

describe('the checked proxy', () => {
  it('passes a right request on, and counts it', async () => {
    await using server = await startServer((_asked, told) => qdrantOk(told));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    const answer = await send(`${proxy.url}/collections/a%2Fb/points?wait=true&ordering=weak`, 'PUT', points);
    expect(await answer.json()).toMatchObject({ status: 'ok' });
    expect(server.seen).toEqual([
      `PUT 127.0.0.1:${server.port} /collections/a%2Fb/points?wait=true&ordering=weak ${JSON.stringify(points)}`,
    ]);
    expect(proxy.violations).toEqual([]);
    expect(proxy.responseViolations).toEqual([]);
    expect(proxy.checked).toEqual(new Map([[`PUT ${upsert}`, 1]]));
  });

  it.each([
    ['an unknown path', 'GET', '/collection', undefined, { where: 'path' }],
    ['an unknown method', 'PATCH', '/collections/a/points', points, { where: 'method' }],
    ['an unknown query parameter', 'PUT', '/collections/a/points?await=true', points, { where: 'query' }],
    ['a query parameter of the wrong type', 'PUT', '/collections/a/points?wait=yes', points, { where: 'query' }],
    ['a parameter out of its enum', 'PUT', '/collections/a/points?ordering=loose', points, { where: 'query' }],
    ['a repeated parameter', 'PUT', '/collections/a/points?wait=true&wait=true', points, { where: 'query' }],
    ['a wrong path parameter', 'GET', '/collections/a/points/nobody', undefined, { where: 'path' }],
    ['a broken path', 'GET', '/collections/%ff', undefined, { where: 'path' }],
    ['a member no schema names', 'PUT', '/collections/a/points', { ...points, wait: true }, { where: 'request body' }],
    [
      'a wrong member',
      'PUT',
      '/collections/a/points',
      { points: [{ id: 'x', vector: [1] }] },
      { where: 'request body' },
    ],
    ['a body where none is known', 'DELETE', '/collections/a', {}, { where: 'request body' }],
  ])('reports %s, and passes it on', async (_what, method, path, body, expected) => {
    await using server = await startServer((_asked, told) => qdrantOk(told));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    expect((await send(proxy.url + path, method, body)).status).toBe(200);
    expect(proxy.violations).toMatchObject([{ method, times: 1, ...expected }]);
    expect(server.seen.length).toBe(1);
  });

  it('counts what is met again', async () => {
    await using server = await startServer((_asked, told) => qdrantOk(told));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    for (let turn = 0; turn < 3; turn += 1) await send(`${proxy.url}/collections/a/points?x=1`, 'PUT', points);
    expect(proxy.violations).toEqual([
      { method: 'PUT', path: upsert, where: 'query', what: 'x is not in the document', times: 3 },
    ]);
    expect(proxy.checked.get(`PUT ${upsert}`)).toBe(3);
  });

  it('reports answers apart', async () => {
    await using server = await startServer((asked, told) =>
      asked.url === '/collections/a' ? json(told, { result: 'yes' }) : told.writeHead(302).end(),
    );
    await using chroma = await startServer((_asked, told) => json(told, 'x', 418));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    await send(`${proxy.url}/collections/a`, 'DELETE');
    await using other = await startCheckedProxy({ target: chroma.url, documents: ['chroma'] });
    await send(`${other.url}/api/v2/version`, 'GET');
    expect([...proxy.violations, ...other.violations]).toEqual([]);
    expect(proxy.responseViolations).toMatchObject([{ where: 'response body', what: expect.stringMatching(/result/) }]);
    expect(other.responseViolations).toMatchObject([{ where: 'response status', what: '418 is not in the document' }]);
  });

  it('unknown members of answers are reported where that is asked for', async () => {
    await using server = await startServer((_asked, told) =>
      json(told, { result: true, status: 'ok', time: 0.1, more: 1 }),
    );
    await using lenient = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    await using strict = await startCheckedProxy({ target: server.url, documents: ['qdrant'], named: 'both' });
    for (const { url } of [lenient, strict]) await send(`${url}/collections/a`, 'DELETE');
    expect(lenient.responseViolations).toEqual([]);
    expect(strict.responseViolations).toMatchObject([{ what: expect.stringMatching(/"more"/) }]);
  });

  it('breaks the connection where the server does', async () => {
    await using server = await startServer((asked) => asked.socket.destroy());
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    await expect(send(`${proxy.url}/collections`, 'GET')).rejects.toThrow('fetch failed');
  });

  it('passes many at once over one proxy', async () => {
    await using server = await startServer((_asked, told) => qdrantOk(told));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['qdrant'] });
    const many = { points: Array.from({ length: 300 }, (_, id) => ({ id, vector: Array(384).fill(0.123456789) })) };
    await Promise.all(
      Array.from({ length: 4 }, async () => (await send(`${proxy.url}/collections/a/points`, 'PUT', many)).text()),
    );
    expect(proxy.checked.get(`PUT ${upsert}`)).toBe(4);
    expect(proxy.violations).toEqual([]);
  });
});

describe('the checked proxy before Pinecone', () => {
  const version = { 'x-pinecone-api-version': '2026-04', 'api-key': 'k' };
  const index = (host: string) => ({
    name: 'a',
    dimension: 2,
    metric: 'cosine',
    host,
    vector_type: 'dense',
    deletion_protection: 'disabled',
    status: { ready: true, state: 'Ready' },
    spec: {
      serverless: {
        cloud: 'aws',
        region: 'us-east-1',
        read_capacity: { mode: 'OnDemand', status: { state: 'Ready' } },
      },
    },
  });

  it.each(['', '/at/a'])('leads the hosts of indexes through itself (host with "%s" behind it)', async (prefix) => {
    await using server = await startServer((asked, told, url) => {
      if (asked.url === '/indexes/a') return json(told, index(url + prefix));
      if (asked.url === '/indexes') return json(told, { indexes: [index(url + prefix)] });
      return json(told, { upsertedCount: 1 });
    });
    const documents = ['pinecone-control', 'pinecone-data'] as const;
    await using proxy = await startCheckedProxy({ target: server.url, documents });
    const described = await (await send(`${proxy.url}/indexes/a`, 'GET', undefined, version)).json();
    expect(described).toMatchObject({ host: proxy.url + prefix });
    const listed = await (await send(`${proxy.url}/indexes`, 'GET', undefined, version)).json();
    expect(listed).toMatchObject({ indexes: [{ host: proxy.url + prefix }] });
    const vectors = { namespace: '', vectors: [{ id: '1', values: [1, 2] }] };
    await send(`${proxy.url}${prefix}/vectors/upsert`, 'POST', vectors, version);
    expect(proxy.violations).toEqual([]);
    expect(proxy.responseViolations).toEqual([]);
    expect([...proxy.checked.keys()]).toEqual(['GET /indexes/{index_name}', 'GET /indexes', 'POST /vectors/upsert']);
    expect(server.seen.at(-1)).toMatch(`POST 127.0.0.1:${server.port} ${prefix}/vectors/upsert`);
  });

  it('reports a missing and another version of the API', async () => {
    await using server = await startServer((_asked, told) => json(told, { indexes: [] }));
    await using proxy = await startCheckedProxy({ target: server.url, documents: ['pinecone-control'] });
    await send(`${proxy.url}/indexes`, 'GET');
    await send(`${proxy.url}/indexes`, 'GET', undefined, { 'x-pinecone-api-version': '2024-07' });
    expect(proxy.violations.map(({ where, what }) => [where, what])).toEqual([
      ['header', 'x-pinecone-api-version is missing'],
      ['header', 'x-pinecone-api-version is 2024-07, not 2026-04'],
    ]);
  });
});

describe('options of the checked proxy', () => {
  it('says what is wrong', async () => {
    await expect(startCheckedProxy({ target: 'https://a.example', documents: ['qdrant'] })).rejects.toThrow(
      'target is',
    );
    await expect(startCheckedProxy({ target: 'http://127.0.0.1:1', documents: [] })).rejects.toThrow(
      'documents is empty',
    );
  });
});
