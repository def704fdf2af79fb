import type { Call, HybridRequest, VectorHit } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import { type QdrantCondition, within } from './qdrant-filter.ts';
import type { QdrantSettings } from './qdrant-options.ts';
import { sparseName, toNumbers, toRead } from './qdrant-points.ts';
import { checkQueryLimit, type PointHit, payloadOf, searchParams, vectorsOf } from './qdrant-search.ts';
import type { SparseSource } from './qdrant-sparse.ts';

/** The k of reciprocal rank fusion, of which the contract counts ranks from 1, and the server from 0. */
const fusionK = 60;
/** How deep each ranking goes. */
const depth = 100;

/** Both rankings and their fusion, in one request. */
export async function searchHybrid(
  connection: QdrantConnection,
  settings: QdrantSettings,
  sparse: SparseSource,
  search: {
    readonly collection: QdrantCollection;
    readonly ns: string;
    readonly request: HybridRequest<QdrantCondition>;
  },
  call: Call,
): Promise<readonly VectorHit[]> {
  const { collection, ns, request } = search;
  const { limit } = request;
  if (!collection.sparse)
    throw new StorageError({
      code: 'invalid_state',
      message: `Collection ${collection.name} has no sparse vectors; make it with the option \`sparse\`, and store contents.`,
      details: { collection: collection.name },
    });
  checkQueryLimit(collection, limit);
  const filter = within(ns, request.filter);
  const [words] = await sparse.texts([request.text], call);
  const deep = Math.min(Math.max(depth, limit), collection.maxQueryLimit);
  const params = searchParams(collection, settings, false);
  const rankings = [
    {
      query: toNumbers(request.vector, collection),
      filter,
      limit: deep,
      ...(Object.keys(params).length > 0 && { params }),
    },
    ...(words === undefined || words.indices.length === 0
      ? []
      : [
          {
            query: { indices: [...words.indices], values: [...words.values] },
            using: sparseName,
            filter,
            limit: deep,
          },
        ]),
  ];
  const { points } = await connection.send(call, (api, init) =>
    api.queryPoints(
      {
        collection_name: collection.native,
        prefetch: rankings,
        query: { rrf: { k: fusionK + 1 } },
        // Equals at the end, which are few, are put in order here.
        limit: Math.min(limit + 10, collection.maxQueryLimit),
        with_payload: payloadOf(request.includeMetadata),
        with_vector: vectorsOf(request.includeVectors, collection),
      },
      init,
    ),
  );
  return (points as readonly PointHit[])
    .map((point) => ({ ...toRead(point, request), score: point.score, distance: undefined }))
    .sort((a, b) => b.score - a.score || compareCodePoints(a.id, b.id))
    .slice(0, limit);
}
