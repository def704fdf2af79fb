// What a careful user writes with @pinecone-database/pinecone by hand: content and time in the metadata, and many records in batches
// within 2 MB, several at a time, as Pinecone's page on throughput says.
import { setTimeout as delay } from 'node:timers/promises';
import { Pinecone } from '@pinecone-database/pinecone';
import { inStreams, limit, type RawDocument, type RawVectors } from './vectors.ts';

interface Kept {
  readonly content: string;
  readonly createdAt: number;
  readonly category: string;
}

/** Of 384 numbers of JSON, with metadata about 8 KB a record. */
const batch = 200;
const streams = 4;

export async function openRawPinecone(url: string, name: string, dimension: number): Promise<RawVectors> {
  const client = new Pinecone({ apiKey: 'any', controllerHostUrl: url });
  const spec = { serverless: { cloud: 'aws', region: 'us-east-1' } } as const;
  await client.createIndex({ name, dimension, metric: 'cosine', spec, waitUntilReady: true });
  const { host } = await client.describeIndex(name);
  const index = client.index<Kept & Record<string, string | number>>({ host });

  const recordOf = ({ id, vector, content, metadata: { category } }: RawDocument) => ({
    id,
    values: Array.from(vector),
    metadata: { content, createdAt: Date.now(), category },
  });
  const send = (documents: readonly RawDocument[]) => index.upsert({ records: documents.map(recordOf) });

  return {
    upsert: (document) => send([document]),
    upsertMany: (documents) => inStreams(documents, batch, streams, send),
    async search(vector, category) {
      const filter = category === undefined ? {} : { filter: { category: { $eq: category } } };
      const { matches } = await index.query({
        vector: Array.from(vector),
        topK: limit,
        includeMetadata: true,
        ...filter,
      });
      return matches.map(({ id, score = Number.NaN, metadata }) => {
        const { content, createdAt, ...own } = metadata as Kept;
        return { id, content, metadata: own, createdAt: new Date(createdAt), score };
      });
    },
    async settled(documents) {
      while ((await index.describeIndexStats()).totalRecordCount !== documents) await delay(50);
    },
    async close() {
      await client.deleteIndex(name);
    },
  };
}
