import { expect, test } from '@jest/globals';
import { Pinecone } from '@pinecone-database/pinecone';
import { QdrantClient } from '@qdrant/js-client-rest';
import { ChromaClient, type Collection } from 'chromadb';
import { leaseService, startOwn, urlVariable } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';
import { type Kind, testKeeping } from './keeping.ts';
import { withEnv } from './support.ts';

const name = 'restarts';

async function chromaCollection(url: string): Promise<Collection> {
  const { hostname, port } = new URL(url);
  const client = new ChromaClient({ host: hostname, port: Number(port), ssl: false });
  return await client.getOrCreateCollection({ name, embeddingFunction: null });
}

const chromaKind: Kind = {
  async write(url, key) {
    const collection = await chromaCollection(url);
    await collection.upsert({ ids: [key], embeddings: [[1, 2]], documents: [`value of ${key}`] });
  },
  async read(url, key) {
    const collection = await chromaCollection(url);
    const found = await collection.query({ queryEmbeddings: [[1, 2]], nResults: 10 });
    const at = found.ids[0]?.indexOf(key) ?? -1;
    return found.documents[0]?.[at] ?? undefined;
  },
  forged: () => undefined,
};

const ids: readonly string[] = ['before-kill', 'before-stop'];

const qdrantKind: Kind = {
  async write(url, key) {
    const client = new QdrantClient({ url });
    const { exists } = await client.collectionExists(name);
    if (!exists) await client.createCollection(name, { vectors: { size: 2, distance: 'Dot' } });
    const point = { id: ids.indexOf(key), vector: [1, 2], payload: { value: `value of ${key}` } };
    await client.upsert(name, { points: [point], wait: true });
  },
  async read(url, key) {
    const client = new QdrantClient({ url });
    const { points } = await client.query(name, { query: [1, 1], limit: 10, with_payload: true });
    const value = points.find(({ id }) => id === ids.indexOf(key))?.payload?.['value'];
    return typeof value === 'string' ? value : undefined;
  },
  forged: () => undefined,
};

await testKeeping({ chroma: chromaKind, qdrant: qdrantKind, 'qdrant-next': qdrantKind });

await onOwnService('chroma', () => {
  test('Chroma can be emptied, and tells that it is the version that is pinned', async () => {
    await using own = await startOwn('chroma');
    expect(own).toMatchObject({ how: 'local', version: '1.5.9' });
    await chromaKind.write(own.url, 'key');
    const { hostname, port } = new URL(own.url);
    const client = new ChromaClient({ host: hostname, port: Number(port), ssl: false });
    await client.reset();
    expect(await client.listCollections()).toEqual([]);
  }, 60_000);
});

await onOwnService('pinecone', () => {
  test('the stand-in of Pinecone answers its client, forgets with its process, and can be had by a URL with a key', async () => {
    await using own = await startOwn('pinecone');
    expect(own).toMatchObject({ how: 'stand-in' });
    const client = new Pinecone({ apiKey: 'any', controllerHostUrl: own.url });
    await client.createIndex({
      name,
      dimension: 2,
      metric: 'cosine',
      spec: { serverless: { cloud: 'aws', region: 'us-east-1' } },
    });
    expect((await client.listIndexes()).indexes).toMatchObject([{ name }]);
    await own.kill();
    await own.start();
    expect((await client.listIndexes()).indexes ?? []).toEqual([]);
    const url = new URL(own.url);
    url.username = 'some-key';
    const given = await withEnv({ [urlVariable('pinecone')]: url.href }, () => leaseService('pinecone'));
    expect(given).toMatchObject({ how: 'url', url: url.href, nodes: own.nodes });
  }, 60_000);
});
