import type {
  Call,
  CompiledFilter,
  InfoRow,
  MaybePromise,
  PageRequest,
  RecordDriver,
  RecordRow,
  RowOutcome,
  RowPage,
  Translate,
  WriteHead,
  WriteRow,
} from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';

/** For how long a replica that failed is left alone, in milliseconds. */
const restMs = 2000;

/** A replica as records are read from it. */
export interface ReplicaRecords<Native> {
  readonly records: RecordDriver<Native>;
}

interface Replica<Native> extends ReplicaRecords<Native> {
  /** On `performance.now()`'s clock. */
  restsUntil: number;
}

/**
 * Records whose reads go to the replicas in turn, and whose writes go to the primary. What a replica can't answer is asked of the
 * next, and at last of the primary.
 */
export class StaleRecords<Native> implements RecordDriver<Native> {
  readonly #primary: RecordDriver<Native>;
  readonly #replicas: readonly Replica<Native>[];
  readonly #translate: Translate;
  #turn = 0;

  constructor(primary: RecordDriver<Native>, replicas: readonly ReplicaRecords<Native>[], translate: Translate) {
    this.#primary = primary;
    this.#replicas = replicas.map(({ records }) => ({ records, restsUntil: 0 }));
    this.#translate = translate;
  }

  read(ns: string, key: string, call: Call): Promise<RecordRow | undefined> {
    return this.#ask('records.retrieve', call, (records) => records.read(ns, key, call));
  }

  readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    return this.#ask('records.retrieveMany', call, (records) => records.readMany(ns, keys, call));
  }

  exists(ns: string, key: string, call: Call): Promise<boolean> {
    return this.#ask('records.exists', call, (records) => records.exists(ns, key, call));
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
    call: Call,
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    return this.#ask('records.retrieveStream', call, (records) => records.readStream(ns, key, range, call));
  }

  page(ns: string, request: PageRequest<Native>, call: Call): Promise<RowPage<RecordRow>> {
    const rows = request as PageRequest<Native> & { readonly include: 'rows' };
    return this.#ask('records.query', call, (records) => records.page(ns, rows, call));
  }

  count(ns: string, prefix: string, filter: Native | undefined, estimate: boolean, call: Call): Promise<number> {
    return this.#ask('records.count', call, (records) => records.count(ns, prefix, filter, estimate, call));
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    return this.#ask('records.namespaces', call, (records) => records.namespaces(ns, request, call));
  }

  compile(filter: FilterNode): CompiledFilter<Native> {
    return this.#primary.compile(filter);
  }

  write(ns: string, row: WriteRow, call: Call): MaybePromise<InfoRow> {
    return this.#primary.write(ns, row, call);
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<InfoRow>[]> {
    return this.#primary.writeMany(ns, rows, atomic, call);
  }

  writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    return this.#primary.writeStream(ns, head, chunks, call);
  }

  remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): MaybePromise<boolean> {
    return this.#primary.remove(ns, key, etag, report, call);
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    atomic: boolean,
    call: Call,
  ): MaybePromise<readonly RowOutcome<boolean>[]> {
    return this.#primary.removeMany(ns, keys, atomic, call);
  }

  touch(ns: string, key: string, ttlMs: number | null, call: Call): MaybePromise<boolean> {
    return this.#primary.touch(ns, key, ttlMs, call);
  }

  removeWhere(ns: string, filter: Native | undefined, call: Call): MaybePromise<number> {
    return this.#primary.removeWhere(ns, filter, call);
  }

  dropNamespace(ns: string, recursive: boolean, call: Call): MaybePromise<number | undefined> {
    return this.#primary.dropNamespace(ns, recursive, call);
  }

  async #ask<T>(operation: string, call: Call, ask: (records: RecordDriver<Native>) => MaybePromise<T>): Promise<T> {
    const first = this.#turn++;
    for (let place = 0; place < this.#replicas.length; place++) {
      const replica = this.#replicas[(first + place) % this.#replicas.length];
      if (replica === undefined || performance.now() < replica.restsUntil) continue;
      try {
        return await ask(replica.records);
      } catch (error) {
        call.check();
        const { code } = this.#translate(error, { operation, key: undefined, write: false });
        // One that is behind by the tables themselves has nothing to say either.
        if (code !== 'unavailable' && code !== 'version_mismatch') throw error;
        replica.restsUntil = performance.now() + restMs;
      }
    }
    return ask(this.#primary);
  }
}
