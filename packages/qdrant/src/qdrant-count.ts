import type { Call } from '@storage/backend-kit';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import type { QdrantFilter } from './qdrant-filter.ts';
import type { PointId } from './qdrant-ids.ts';

/** How many points one request looks at where they can't be counted. */
const scanPage = 10_000;

/** How many points match. Strict mode that forbids exact searches forbids exact counts too; then they are read by id. */
export async function countPoints(
  connection: QdrantConnection,
  collection: QdrantCollection,
  filter: QdrantFilter | undefined,
  call: Call,
): Promise<number> {
  const { native: collection_name, allowsExact, maxQueryLimit } = collection;
  if (allowsExact) {
    const { count } = await connection.send(call, (api, init) =>
      api.countPoints({ collection_name, exact: true, ...(filter && { filter }) }, init),
    );
    return count;
  }
  let count = 0;
  let offset: PointId | undefined;
  do {
    call.check();
    const page = await connection.send(call, (api, init) =>
      api.scrollPoints(
        {
          collection_name,
          limit: Math.min(scanPage, maxQueryLimit),
          with_payload: false,
          with_vector: false,
          ...(filter && { filter }),
          ...(offset !== undefined && { offset }),
        },
        init,
      ),
    );
    count += page.points.length;
    offset = (page.next_page_offset ?? undefined) as PointId | undefined;
  } while (offset !== undefined);
  return count;
}
