// What a careful user writes with @qdrant/js-client-rest by hand: an index for the payload that is filtered, ids of one's own hashed
// to the UUIDs that Qdrant takes and kept in the payload, writes that are acknowledged when they are done, and many of them in
// batches of 256 in four streams, as Qdrant's page on bulk uploads says.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { QdrantClient } from '@qdrant/js-client-rest';
import { inStreams, limit, type RawDocument, type RawVectors } from './vectors.ts';

interface Payload {
  readonly id: string;
  readonly content: string;
  readonly createdAt: number;
  readonly category: string;
}

const batch = 256;
const streams = 4;

function uuidOf(id: string): string {
  const hex = createHash('sha256').update(id).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export async function openRawQdrant(url: string, collection: string, dimension: number): Promise<RawVectors> {
  const client = new QdrantClient({ url, checkCompatibility: false });
  await client.createCollection(collection, { vectors: { size: dimension, distance: 'Cosine' } });
  const index = { field_name: 'category', field_schema: 'keyword', wait: true } as const;
  await client.createPayloadIndex(collection, index);

  const pointOf = ({ id, vector, content, metadata }: RawDocument) => ({
    id: uuidOf(id),
    vector: Array.from(vector),
    payload: { id, content, createdAt: Date.now(), ...metadata },
  });
  const send = (documents: readonly RawDocument[]) =>
    client.upsert(collection, { wait: true, points: documents.map(pointOf) });

  return {
    async upsert(document) {
      await send([document]);
    },
    upsertMany: (documents) => inStreams(documents, batch, streams, send),
    async search(vector, category) {
      const { points } = await client.query(collection, {
        query: Array.from(vector),
        limit,
        with_payload: true,
        ...(category !== undefined && { filter: { must: [{ key: 'category', match: { value: category } }] } }),
      });
      return points.map(({ payload, score }) => {
        const { id, content, createdAt, ...metadata } = payload as unknown as Payload;
        return { id, content, metadata, createdAt: new Date(createdAt), score };
      });
    },
    async settled(documents) {
      for (;;) {
        const { status, points_count: there } = await client.getCollection(collection);
        if (status === 'green' && there === documents) return;
        await delay(50);
      }
    },
    async close() {
      await client.deleteCollection(collection);
    },
  };
}
