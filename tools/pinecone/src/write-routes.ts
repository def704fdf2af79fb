import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { dataSchemas } from './data-schemas.ts';
import { invalid, rpcRefusal } from './errors.ts';
import { checkMetadata, type Metadata, mergeMetadata, metadataBytes } from './metadata.ts';
import { checkId, type SparseInput, sparseVector, storedDenseVector } from './record-rules.ts';
import type { SparseVector, Stored } from './record-table.ts';
import type { VectorIndex } from './vector-index.ts';

/** Finds the index that a request's host stands for, or refuses. */
export type FindIndex = (request: FastifyRequest) => VectorIndex;

interface VectorInput {
  readonly id: string;
  readonly values?: readonly number[];
  readonly sparseValues?: SparseInput;
  readonly metadata?: object;
}

interface UpdateInput {
  readonly id?: string;
  readonly values?: readonly number[];
  readonly sparseValues?: SparseInput;
  readonly setMetadata?: object;
  readonly namespace?: string;
  readonly filter?: object;
  readonly dryRun?: boolean;
}

interface DeleteInput {
  readonly ids?: readonly string[];
  readonly deleteAll?: boolean;
  readonly namespace?: string;
  readonly filter?: object;
}

const maxUpsertRecords = 1000;
const maxUpsertBytes = 2 * 1024 * 1024;
const maxDeleteIds = 1000;

function dense(index: VectorIndex, id: string, values: readonly number[] | undefined): Float32Array {
  if (index.shape.vectorType === 'dense') return storedDenseVector(id, values ?? [], index.shape.dimension);
  if (values !== undefined && values.length > 0) throw invalid('Sparse indexes do not support dense vectors');
  return new Float32Array(0);
}

function sparse(index: VectorIndex, input: SparseInput | undefined): SparseVector | undefined {
  if (input !== undefined) return sparseVector(input);
  if (index.shape.vectorType === 'sparse') throw invalid('Sparse indexes must be given sparse vectors');
  return undefined;
}

function stored(index: VectorIndex, input: VectorInput): Stored {
  const id = checkId(input.id);
  return {
    id,
    values: dense(index, id, input.values),
    sparse: sparse(index, input.sparseValues),
    metadata: input.metadata === undefined ? undefined : checkMetadata(input.metadata),
  };
}

/**
 * The size that counts against the limit of 2 MB: 4 bytes a dimension and the metadata, as in the vendor's table of
 * batch sizes (https://docs.pinecone.io/guides/index-data/upsert-data#upsert-in-batches: 245 records of 1536
 * dimensions with 2000 bytes of metadata each). The JSON that carries them over HTTP is larger and isn't what counts.
 */
function recordBytes(record: Stored): number {
  const vectors = 4 * record.values.length + 8 * (record.sparse?.indices.length ?? 0);
  return record.id.length + vectors + metadataBytes(record.metadata);
}

function updated(record: Stored, change: Partial<Stored>, set: Metadata | undefined): Stored {
  return {
    id: record.id,
    values: change.values ?? record.values,
    sparse: change.sparse ?? record.sparse,
    metadata: set === undefined ? record.metadata : mergeMetadata(record.metadata, set),
  };
}

function updateById(index: VectorIndex, id: string, input: UpdateInput): number {
  checkId(id);
  const set = input.setMetadata === undefined ? undefined : checkMetadata(input.setMetadata);
  const change: Partial<Stored> = {
    ...(input.values === undefined ? {} : { values: dense(index, id, input.values) }),
    ...(input.sparseValues === undefined ? {} : { sparse: sparseVector(input.sparseValues) }),
  };
  // Of an id that isn't there nothing is changed, and the answer is the same: guides/manage-data/update-data.
  return index.existing(input.namespace).write((table) => {
    const record = table.get(id);
    if (record !== undefined) table.put(updated(record, change, set));
  });
}

function updateByFilter(index: VectorIndex, input: UpdateInput): { lsn: number | undefined; matchedRecords: number } {
  if (input.values !== undefined || input.sparseValues !== undefined) {
    throw invalid('Only metadata can be updated by filter');
  }
  const namespace = index.existing(input.namespace);
  const matches = index.compile(input.filter, namespace);
  const set = input.setMetadata === undefined ? undefined : checkMetadata(input.setMetadata);
  const matchedRecords = namespace.read()?.table.count(matches) ?? 0;
  if (input.dryRun === true) return { lsn: undefined, matchedRecords };
  if (set === undefined) throw invalid('setMetadata must be given to update by filter');
  const lsn = namespace.write((table) => {
    for (const id of table.matching(matches)) {
      const record = table.get(id);
      if (record !== undefined) table.put(updated(record, {}, set));
    }
  });
  return { lsn, matchedRecords };
}

function remove(index: VectorIndex, input: DeleteInput): number {
  const { ids, filter, deleteAll } = input;
  const ways = [ids !== undefined, filter !== undefined, deleteAll === true].filter(Boolean).length;
  if (ways !== 1) throw invalid('Exactly one of ids, filter and deleteAll must be given');
  if (ids !== undefined) {
    if (ids.length === 0) throw invalid('ids must contain at least one id');
    if (ids.length > maxDeleteIds) throw invalid(`At most ${maxDeleteIds} ids can be deleted, got ${ids.length}`);
    ids.forEach(checkId);
  }
  const namespace = index.existing(input.namespace);
  if (ids !== undefined) {
    return namespace.write((table) => {
      for (const id of ids) table.remove(id);
    });
  }
  // All records, but not the namespace: guides/manage-data/delete-data#delete-all-records-in-a-namespace.
  if (filter === undefined) return namespace.write((table) => table.clear());
  const matches = index.compile(filter, namespace);
  return namespace.write((table) => {
    for (const id of table.matching(matches)) table.remove(id);
  });
}

/** Serverless indexes alone have log sequence numbers: guides/index-data/check-data-freshness. */
function tellLsn(reply: FastifyReply, index: VectorIndex, lsn: number): void {
  if (index.shape.kind === 'serverless') reply.header('x-pinecone-request-lsn', String(lsn));
}

/** The requests that change records. */
export function writeRoutes(server: FastifyInstance, findIndex: FindIndex): void {
  server.post<{ Body: { vectors: readonly VectorInput[]; namespace?: string } }>(
    '/vectors/upsert',
    { schema: { body: dataSchemas.upsert } },
    async (request, reply) => {
      const index = findIndex(request);
      const { vectors, namespace } = request.body;
      if (vectors.length === 0) throw invalid('At least one vector must be given');
      if (vectors.length > maxUpsertRecords) {
        throw invalid(`At most ${maxUpsertRecords} vectors can be upserted at once, got ${vectors.length}`);
      }
      const records = vectors.map((vector) => stored(index, vector));
      const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
      if (bytes > maxUpsertBytes) {
        const found = `Error, message length too large: found ${bytes} bytes, the limit is: ${maxUpsertBytes} bytes`;
        throw rpcRefusal(11, found);
      }
      const lsn = index.namespace(namespace).write((table) => {
        for (const record of records) table.put(record);
      });
      tellLsn(reply, index, lsn);
      return { upsertedCount: records.length };
    },
  );

  server.post<{ Body: UpdateInput }>(
    '/vectors/update',
    { schema: { body: dataSchemas.update } },
    async (request, reply) => {
      const index = findIndex(request);
      const { id, filter } = request.body;
      if ((id === undefined) === (filter === undefined)) throw invalid('Exactly one of id and filter must be given');
      if (id !== undefined) {
        tellLsn(reply, index, updateById(index, id, request.body));
        return {};
      }
      const { lsn, matchedRecords } = updateByFilter(index, request.body);
      if (lsn !== undefined) tellLsn(reply, index, lsn);
      return { matchedRecords };
    },
  );

  server.post<{ Body: DeleteInput }>(
    '/vectors/delete',
    { schema: { body: dataSchemas.delete } },
    async (request, reply) => {
      const index = findIndex(request);
      tellLsn(reply, index, remove(index, request.body));
      return {};
    },
  );
}
