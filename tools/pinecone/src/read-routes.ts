import type { FastifyInstance } from 'fastify';
import { dataSchemas } from './data-schemas.ts';
import { invalid, rpcRefusal } from './errors.ts';
import { float32Json, float32List } from './float32.ts';
import { metadataBytes } from './metadata.ts';
import { page, pageLimit } from './pages.ts';
import { checkId, denseVector, type SparseInput, sparseVector } from './record-rules.ts';
import type { Probe, SparseVector, Stored } from './record-table.ts';
import type { VectorIndex } from './vector-index.ts';
import type { FindIndex } from './write-routes.ts';

interface QueryInput {
  readonly namespace?: string;
  readonly topK: number;
  readonly filter?: object;
  readonly includeValues?: boolean;
  readonly includeMetadata?: boolean;
  readonly queries?: readonly unknown[];
  readonly vector?: readonly number[];
  readonly sparseVector?: SparseInput;
  readonly id?: string;
  readonly scanFactor?: number;
  readonly maxCandidates?: number;
}

interface FetchByMetadataInput {
  readonly namespace?: string;
  readonly filter?: object;
  readonly limit?: number;
  readonly paginationToken?: string;
}

const maxTopK = 10_000;
const maxResultBytes = 4 * 1024 * 1024;
const maxFetchIds = 1000;
const maxListLimit = 100;

/** Pods are billed by the hour: only serverless indexes count read units. */
function usage(index: VectorIndex): { usage?: { readUnits: number } } {
  return index.shape.kind === 'serverless' ? { usage: { readUnits: 1 } } : {};
}

function sparseJson(sparse: SparseVector): { indices: readonly number[]; values: number[] } {
  return { indices: sparse.indices, values: float32List(sparse.values) };
}

function vectorJson(record: Stored, values: boolean, metadata: boolean): object {
  return {
    id: record.id,
    values: values ? float32List(record.values) : [],
    ...(values && record.sparse !== undefined ? { sparseValues: sparseJson(record.sparse) } : {}),
    ...(metadata && record.metadata !== undefined ? { metadata: record.metadata } : {}),
  };
}

/** The vectors to search with; missing when the record that should be searched with isn't there. */
function probeOf(index: VectorIndex, input: QueryInput): Probe | undefined {
  const { vector, sparseVector: sparse, id } = input;
  const { vectorType, dimension, metric } = index.shape;
  if (id !== undefined) {
    if (vector !== undefined || sparse !== undefined) {
      throw invalid('Cannot provide both ID and vector at the same time.');
    }
    checkId(id);
    const record = index.namespace(input.namespace).read()?.table.get(id);
    if (record === undefined) return undefined;
    return {
      values: vectorType === 'dense' ? record.values : undefined,
      sparse: hybrid(index) ? record.sparse : undefined,
    };
  }
  if (vectorType === 'sparse') {
    if (vector !== undefined) throw invalid('Sparse indexes do not support dense vectors');
    if (sparse === undefined) throw invalid('Either sparseVector or id must be given');
    return { values: undefined, sparse: sparseVector(sparse) };
  }
  if (sparse !== undefined && metric !== 'dotproduct') {
    throw invalid(
      'Index configuration does not support sparse values - only indexes that are sparse or using dotproduct are supported',
    );
  }
  if (vector === undefined) throw invalid('Either vector or id must be given');
  return { values: denseVector(vector, dimension), sparse: sparse === undefined ? undefined : sparseVector(sparse) };
}

function hybrid(index: VectorIndex): boolean {
  return index.shape.metric === 'dotproduct';
}

function checkQuery(input: QueryInput): void {
  if (input.topK < 1 || input.topK > maxTopK) {
    throw invalid(`Invalid top_k value ${input.topK}: it must be from 1 to ${maxTopK}`);
  }
  if (input.queries !== undefined) throw invalid('queries is deprecated: use vector or id');
  if (input.scanFactor !== undefined || input.maxCandidates !== undefined) {
    throw invalid('scanFactor and maxCandidates are supported by dense indexes on dedicated read nodes only');
  }
}

/** Counted as the records of an upsert are: 4 bytes a number, metadata, ids. */
function checkResultSize(records: readonly Stored[], values: boolean, metadata: boolean): void {
  let bytes = 0;
  for (const record of records) {
    bytes += record.id.length + 4;
    if (values) bytes += 4 * record.values.length + 8 * (record.sparse?.indices.length ?? 0);
    if (metadata) bytes += metadataBytes(record.metadata);
  }
  if (bytes > maxResultBytes) {
    throw rpcRefusal(
      11,
      `Error, message length too large: found ${bytes} bytes, the limit is: ${maxResultBytes} bytes`,
    );
  }
}

function query(index: VectorIndex, input: QueryInput): { matches: object[]; indexedLsn: number | undefined } {
  checkQuery(input);
  const namespace = index.namespace(input.namespace);
  const matcher = input.filter === undefined ? undefined : index.compile(input.filter, namespace);
  const probe = probeOf(index, input);
  const seen = namespace.read();
  if (probe === undefined || seen === undefined) return { matches: [], indexedLsn: seen?.indexedLsn };
  const found = seen.table.search(probe, input.topK, matcher);
  const values = input.includeValues === true;
  const metadata = input.includeMetadata === true;
  const records = found.map(({ slot }) => seen.table.at(slot));
  checkResultSize(records, values, metadata);
  const matches = records.map((record, rank) => ({
    ...vectorJson(record, values, metadata),
    score: float32Json(Math.fround(found[rank]?.score ?? 0)),
  }));
  return { matches, indexedLsn: seen.indexedLsn };
}

function stats(index: VectorIndex, filter: object | undefined): object {
  const { kind, vectorType, dimension, metric } = index.shape;
  if (filter !== undefined && kind === 'serverless') {
    throw invalid('Serverless and Starter indexes do not support describing index stats with metadata filtering');
  }
  let totalVectorCount = 0;
  const namespaces = index.visible().map((namespace) => {
    const table = namespace.read()?.table;
    const size = table?.size ?? 0;
    totalVectorCount += size;
    const count = filter === undefined ? size : (table?.count(index.compile(filter, namespace)) ?? 0);
    return [namespace.name, { vectorCount: count }] as const;
  });
  return {
    namespaces: Object.fromEntries(namespaces),
    ...(vectorType === 'dense' ? { dimension } : {}),
    indexFullness: 0,
    totalVectorCount,
    metric,
    vectorType,
  };
}

/** The requests that read records. */
export function readRoutes(server: FastifyInstance, findIndex: FindIndex): void {
  server.post<{ Body: QueryInput }>('/query', { schema: { body: dataSchemas.query } }, async (request, reply) => {
    const index = findIndex(request);
    const { matches, indexedLsn } = query(index, request.body);
    // Only queries of serverless indexes were seen to carry it, and only where the namespace is there.
    if (indexedLsn !== undefined && index.shape.kind === 'serverless')
      reply.header('x-pinecone-max-indexed-lsn', String(indexedLsn));
    return { results: [], matches, namespace: request.body.namespace ?? '', ...usage(index) };
  });

  server.get<{ Querystring: { ids: string | readonly string[]; namespace?: string } }>(
    '/vectors/fetch',
    { schema: { querystring: dataSchemas.fetchQuery } },
    async (request) => {
      const index = findIndex(request);
      const { ids, namespace } = request.query;
      const wanted = typeof ids === 'string' ? [ids] : ids;
      if (wanted.length === 0) throw invalid('ids must contain at least one id');
      if (wanted.length > maxFetchIds) throw invalid(`At most ${maxFetchIds} ids can be fetched, got ${wanted.length}`);
      wanted.forEach(checkId);
      const table = index.namespace(namespace).read()?.table;
      const found = wanted.map((id) => table?.get(id)).filter((record) => record !== undefined);
      const vectors = Object.fromEntries(found.map((record) => [record.id, vectorJson(record, true, true)]));
      return { vectors, namespace: namespace ?? '', ...usage(index) };
    },
  );

  server.post<{ Body: FetchByMetadataInput }>(
    '/vectors/fetch_by_metadata',
    { schema: { body: dataSchemas.fetchByMetadata } },
    async (request) => {
      const index = findIndex(request);
      const { namespace: name, filter, limit, paginationToken } = request.body;
      const namespace = index.namespace(name);
      const matches = index.compile(filter, namespace);
      const table = namespace.read()?.table;
      const { names, pagination } = page(table?.matching(matches) ?? [], pageLimit(limit, maxTopK), paginationToken);
      const found = names.map((id) => table?.get(id)).filter((record) => record !== undefined);
      const vectors = Object.fromEntries(found.map((record) => [record.id, vectorJson(record, true, true)]));
      return { vectors, namespace: name ?? '', ...usage(index), ...(pagination === undefined ? {} : { pagination }) };
    },
  );

  server.get<{ Querystring: { prefix?: string; limit?: string; paginationToken?: string; namespace?: string } }>(
    '/vectors/list',
    { schema: { querystring: dataSchemas.listQuery } },
    async (request) => {
      const index = findIndex(request);
      if (index.shape.kind === 'pod') throw rpcRefusal(12, 'Pod-based indexes do not support listing record ids');
      const { prefix = '', limit, paginationToken, namespace } = request.query;
      const ids = index.namespace(namespace).read()?.table.sortedIds() ?? [];
      const wanted = prefix === '' ? ids : ids.filter((id) => id.startsWith(prefix));
      const { names, pagination } = page(wanted, pageLimit(limit, maxListLimit), paginationToken);
      const vectors = names.map((id) => ({ id }));
      return {
        vectors,
        namespace: namespace ?? '',
        ...usage(index),
        ...(pagination === undefined ? {} : { pagination }),
      };
    },
  );

  server.post<{ Body: { filter?: object } }>(
    '/describe_index_stats',
    { schema: { body: dataSchemas.stats } },
    async (request) => stats(findIndex(request), request.body.filter),
  );
}
