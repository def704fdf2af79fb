import {
  AsyncCoalescer,
  type Call,
  type Gathered,
  inParts,
  partsOf,
  raceCall,
  recordId,
  type Translate,
  type VectorRow,
} from '@storage/backend-kit';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import { type PointWrite, toPoint } from './qdrant-points.ts';
import type { SparseSource } from './qdrant-sparse.ts';

/** The server takes 32 MiB. */
const maxPartBytes = 24 * 1024 * 1024;
/** As many, and so many requests at once, as the vendor's page on bulk uploads says. */
const maxPartRows = 256;
const partsAtOnce = 4;
/** The most that a 32-bit float takes as JSON text, its comma included. */
const numberBytes = 24;
/** What a point takes beside vector, content and metadata. */
const frameBytes = 2500;

interface Upsert {
  readonly collection: QdrantCollection;
  readonly ns: string;
  readonly row: VectorRow;
}

function bytesOf({ vector, content, metadata }: VectorRow, { sparse }: QdrantCollection): number {
  // As JSON text a character takes up to six bytes, and a word of two in a sparse vector thirty.
  const text = (content?.length ?? 0) * (sparse ? 16 : 6);
  return frameBytes + vector.length * numberBytes + Buffer.byteLength(metadata) + text;
}

function partLimits({ maxUpsert }: QdrantCollection): { readonly count: number; readonly bytes: number } {
  return { count: Math.min(maxPartRows, maxUpsert), bytes: maxPartBytes };
}

/** Writes into one collection, in the order of the calls. */
export class QdrantWrites {
  readonly #connection: QdrantConnection;
  readonly #sparse: SparseSource;
  readonly #translate: Translate;
  readonly #coalescer = new AsyncCoalescer();
  readonly #single: Gathered<Upsert, undefined>;
  /** Writes of more than one document, while they are under way. */
  #batches: Promise<unknown> | undefined;

  constructor(connection: QdrantConnection, sparse: SparseSource, translate: Translate) {
    this.#connection = connection;
    this.#sparse = sparse;
    this.#translate = translate;
    this.#single = this.#coalescer.lane<Upsert, undefined>({
      run: async (batch, call) => {
        await this.#attempt(() => this.#sendSingles(batch, call));
        return batch.map(() => ({ ok: true, value: undefined }));
      },
      write: true,
      maxBatch: 256,
    });
  }

  /** Resolves when what was written before, also by calls that nobody awaited, is done. */
  settled(call: Call): Promise<unknown> {
    const before = this.#coalescer.after(undefined, call, async () => undefined);
    return this.#batches === undefined ? before : Promise.all([before, raceCall(this.#batches, call)]);
  }

  async upsert(collection: QdrantCollection, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    const [row] = rows;
    if (rows.length === 1 && row !== undefined) {
      if (this.#batches !== undefined) await raceCall(this.#batches, call);
      await this.#single(recordId(ns, row.id), { collection, ns, row }, call);
      return;
    }
    await this.inOrder(call, () =>
      inParts(
        partsOf(rows, partLimits(collection), (row) => bytesOf(row, collection)),
        (part) => this.#send(collection, ns, part, call),
        (thrown) => this.#error(thrown),
        partsAtOnce,
      ),
    );
  }

  /** Runs a write of several documents behind those before it; those after it wait. */
  async inOrder<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const done = this.settled(call).then(work);
    const batches = Promise.allSettled([this.#batches, done]).finally(() => {
      if (this.#batches === batches) this.#batches = undefined;
    });
    this.#batches = batches;
    return done;
  }

  async #sendSingles(batch: readonly Upsert[], call: Call): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    for (const part of partsOf(batch, partLimits(first.collection), ({ row }) => bytesOf(row, first.collection))) {
      const contents = part.map(({ row }) => row.content);
      const sparse = await this.#sparse.of(first.collection, contents, call);
      await this.#put(
        first.collection,
        part.map(({ ns, row }, index) => toPoint(first.collection, ns, row, sparse[index])),
        call,
      );
    }
  }

  async #send(collection: QdrantCollection, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    const sparse = await this.#sparse.of(
      collection,
      rows.map(({ content }) => content),
      call,
    );
    await this.#put(
      collection,
      rows.map((row, index) => toPoint(collection, ns, row, sparse[index])),
      call,
    );
  }

  async #put(collection: QdrantCollection, points: PointWrite[], call: Call): Promise<void> {
    await this.#connection.send(call, (api, init) =>
      api.upsertPoints({ collection_name: collection.native, wait: true, points }, init),
    );
  }

  #error(thrown: unknown): ReturnType<Translate> {
    return this.#translate(thrown, { operation: 'vectors.upsert', key: undefined, write: true });
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#error(error);
    }
  }
}
