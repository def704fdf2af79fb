// What a careful user writes with chromadb by hand: an index with the same candidates as the other side's, the time beside the
// metadata, and many documents in one request, of as many as the server takes.
import { ChromaClient } from 'chromadb';
import { inStreams, limit, type RawDocument, type RawVectors } from './vectors.ts';

/** How the index is built and searched: the server's own defaults find four of five. */
const hnsw = { space: 'cosine', ef_construction: 200, ef_search: 300, max_neighbors: 32 } as const;

export async function openRawChroma(url: string, name: string): Promise<RawVectors> {
  const { hostname: host, port } = new URL(url);
  const client = new ChromaClient({ host, port: Number(port), ssl: false });
  const collection = await client.createCollection({ name, embeddingFunction: null, configuration: { hnsw } });
  const most = await client.getMaxBatchSize();

  const send = (documents: readonly RawDocument[]) =>
    collection.upsert({
      ids: documents.map(({ id }) => id),
      embeddings: documents.map(({ vector }) => Array.from(vector)),
      documents: documents.map(({ content }) => content),
      metadatas: documents.map(({ metadata }) => ({ ...metadata, createdAt: Date.now() })),
    });

  return {
    upsert: (document) => send([document]),
    upsertMany: (documents) => inStreams(documents, most, 1, send),
    async search(vector, category) {
      const found = await collection.query({
        queryEmbeddings: [Array.from(vector)],
        nResults: limit,
        include: ['documents', 'metadatas', 'distances'],
        ...(category !== undefined && { where: { category } }),
      });
      const [ids = []] = found.ids;
      return ids.map((id, index) => {
        const { createdAt, ...metadata } = found.metadatas[0]?.[index] ?? {};
        return {
          id,
          content: found.documents[0]?.[index] ?? '',
          metadata,
          createdAt: new Date(Number(createdAt)),
          score: 1 - (found.distances[0]?.[index] ?? Number.NaN),
        };
      });
    },
    // The server reads what its index does not have yet from its log.
    settled: async () => undefined,
    close: () => client.deleteCollection({ name }),
  };
}
