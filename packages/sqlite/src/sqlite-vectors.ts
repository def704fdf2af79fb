import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  type CompiledFilter,
  decodeSettings,
  encodeSettings,
  type MaybePromise,
  type RowPage,
  type VectorDriver,
  type VectorHit,
  type VectorPage,
  type VectorPageRequest,
  type VectorParts,
  type VectorRead,
  type VectorRow,
  type VectorSearch,
} from '@storage/backend-kit';
import { type Metric, StorageError } from '@storage/core';
import type { FilterNode } from '@storage/core/filter';
import {
  compileSqlFilter,
  countVectors,
  fragment,
  limitClause,
  pageVectors,
  removeVectors,
  type SqlFragment,
  type SqlValue,
  sqliteDialect,
  type VectorTexts,
  vectorColumns,
  vectorIds,
  vectorSelection,
  vectorTarget,
  vectorTexts,
} from '@storage/sql';
import { type Prepared, prepareAll, type SqliteConnection } from './sqlite-connection.ts';
import type { SqliteSession } from './sqlite-records.ts';
import { VectorCache } from './sqlite-vector-cache.ts';
import { distanceOf, normOf, scoreExpression, toFloats, toVectorBytes } from './sqlite-vector-scores.ts';

/** A collection as its row has it. */
interface Collection extends CollectionRow {
  readonly id: number;
  readonly version: number;
}

function toCollection(row: readonly SqlValue[]): Collection {
  return {
    id: row[0] as number,
    name: row[1] as string,
    dimension: row[2] as number,
    metric: row[3] as Metric,
    ...decodeSettings(row[6] as string),
    metadata: row[4] as string,
    version: row[5] as number,
  };
}

function toRead(row: readonly SqlValue[], vector: SqlValue | undefined): VectorRead {
  return {
    id: row[0] as string,
    content: (row[1] as string | null) ?? undefined,
    metadata: row[2] as string,
    createdAt: (row[3] as number | null) ?? undefined,
    vector: vector === undefined ? undefined : toFloats(vector as Uint8Array),
  };
}

function toHit(row: readonly SqlValue[], vector: SqlValue | undefined, metric: Metric, score: number): VectorHit {
  return { ...toRead(row, vector), score, distance: distanceOf(metric, score) };
}

/** Vectors in SQLite. Every search is exact; sqlite-vec measures, and the filter is part of the statement. */
export class SqliteVectors implements VectorDriver<SqlFragment> {
  readonly #cache: VectorCache;
  #connection!: SqliteConnection;
  #session!: SqliteSession;
  #statements!: Prepared<VectorTexts>;

  /** `cacheBytes`: how much memory may hold vectors that are searched again. */
  constructor(cacheBytes: number) {
    this.#cache = new VectorCache(cacheBytes);
  }

  /** Gives it a connection to work on: no call comes before. */
  attach(connection: SqliteConnection, session: SqliteSession): void {
    this.#connection = connection;
    this.#session = session;
    this.#statements = prepareAll(connection, vectorTexts(sqliteDialect));
  }

  createCollection(
    name: string,
    { dimension, metric, metadata, ...settings }: CollectionDefinition,
    call: Call,
  ): MaybePromise<{ readonly collection: CollectionRow; readonly created: boolean }> {
    return this.#change(call, () => {
      const text = encodeSettings({ ...settings, metadata: '{}' });
      const created = this.#statements.createCollection.run(name, dimension, metric, metadata, text).changes > 0;
      return { collection: this.#find(name) as Collection, created };
    });
  }

  deleteCollection(name: string, call: Call): MaybePromise<boolean> {
    return this.#change(call, () => {
      const found = this.#find(name);
      if (found === undefined) return false;
      this.#connection.run(removeVectors(vectorSelection({ collection: found.id })));
      return this.#statements.removeCollection.run(found.id).changes > 0;
    });
  }

  getCollection(name: string, call: Call): MaybePromise<CollectionRow | undefined> {
    return this.#session.read(call, () => this.#find(name));
  }

  listCollections(after: string | undefined, limit: number, call: Call): MaybePromise<RowPage<CollectionRow>> {
    return this.#session.read(call, () => {
      const found = this.#statements.collections.all(after ?? '', limit + 1).map(toCollection);
      return { rows: found.slice(0, limit), more: found.length > limit };
    });
  }

  upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): MaybePromise<void> {
    return this.#changeIn(collection, call, (id) => {
      for (const { id: document, vector, content = null, metadata, createdAt } of rows) {
        const bytes = toVectorBytes(vector);
        this.#statements.write.run(id, ns, document, normOf(vector), metadata, content, bytes, createdAt);
      }
    });
  }

  get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    { includeVectors }: VectorParts,
    call: Call,
  ): MaybePromise<readonly (VectorRead | undefined)[]> {
    const { id } = collection as Collection;
    const read = (document: string): VectorRead | undefined => {
      const row = this.#statements.read.get(id, ns, document);
      return row && toRead(row, includeVectors ? row[4] : undefined);
    };
    return this.#session.read(call, () => this.#connection.snapshot(() => ids.map(read)));
  }

  remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): MaybePromise<number> {
    return this.#changeIn(collection, call, (id) =>
      ids.reduce((count, document) => count + this.#statements.remove.run(id, ns, document).changes, 0),
    );
  }

  removeWhere(
    collection: CollectionRow,
    ns: string,
    filter: SqlFragment | undefined,
    call: Call,
  ): MaybePromise<number> {
    return this.#changeIn(collection, call, (id) =>
      this.#connection.run(removeVectors(vectorSelection({ collection: id, namespace: ns, filter }))),
    );
  }

  compile(_collection: CollectionRow, filter: FilterNode): CompiledFilter<SqlFragment> {
    return compileSqlFilter(sqliteDialect, filter, vectorTarget);
  }

  search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<SqlFragment>,
    call: Call,
  ): MaybePromise<readonly VectorHit[]> {
    return this.#session.read(call, () => {
      const own = collection as Collection;
      return this.#connection.snapshot(() => this.#searchKept(own, ns, search) ?? this.#searchRows(own, ns, search));
    });
  }

  #searchKept(
    collection: Collection,
    ns: string,
    { vector, limit, filter, includeVectors }: VectorSearch<SqlFragment>,
  ): VectorHit[] | undefined {
    const { id, version, dimension, metric } = collection;
    const selection = vectorSelection({ collection: id, namespace: ns });
    const found = this.#cache.search(
      { collection: id, ns, version, dimension, metric, vector, limit },
      {
        count: () => Number(this.#connection.get(countVectors(selection))?.[0]),
        rows: () => this.#statements.readAll.iterate(id, ns),
        matches:
          filter &&
          (() =>
            this.#connection
              .all(vectorIds(vectorSelection({ collection: id, namespace: ns, filter })))
              .map(([document]) => document as string)),
      },
    );
    return found?.flatMap(({ id: document, score }) => {
      const row = this.#statements.read.get(id, ns, document);
      return row === undefined ? [] : [toHit(row, includeVectors ? row[4] : undefined, metric, score)];
    });
  }

  #searchRows(
    { id, metric }: Collection,
    ns: string,
    { vector, limit, filter, includeVectors }: VectorSearch<SqlFragment>,
  ): VectorHit[] {
    const selection = vectorSelection({ collection: id, namespace: ns, filter });
    const score = scoreExpression(metric, vector);
    const columns = includeVectors ? `${vectorColumns}, score, vector` : `${vectorColumns}, score`;
    // The best are found by id and score alone; what else is asked of them is read for those few.
    const text = fragment(
      `SELECT ${columns} FROM (SELECT rowid AS best, coalesce(${score.text}, 0) AS score, id AS tie FROM storage_vectors
        WHERE ${selection.text} ORDER BY 2 DESC, 3${limitClause(limit)}) JOIN storage_vectors ON rowid = best ORDER BY score DESC, tie`,
      ...score.params,
      ...selection.params,
    );
    return this.#connection
      .all(text)
      .map((row) => toHit(row, includeVectors ? row[5] : undefined, metric, row[4] as number));
  }

  page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<SqlFragment>,
    call: Call,
  ): MaybePromise<VectorPage> {
    const { after, limit, filter, includeVectors } = request;
    const selection = vectorSelection({ collection: (collection as Collection).id, namespace: ns, after, filter });
    return this.#session.read(call, () => {
      const found = this.#connection.all(pageVectors(selection, includeVectors, limit + 1));
      const more = found.length > limit;
      if (more) found.pop();
      const rows = found.map((row) => toRead(row, includeVectors ? row[4] : undefined));
      return { rows, next: more ? rows.at(-1)?.id : undefined };
    });
  }

  count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: SqlFragment | undefined,
    call: Call,
  ): MaybePromise<number> {
    const selection = vectorSelection({ collection: (collection as Collection).id, namespace: ns, filter });
    return this.#session.read(call, () => Number(this.#connection.get(countVectors(selection))?.[0]));
  }

  dropNamespace(
    collection: CollectionRow,
    ns: string,
    recursive: boolean,
    call: Call,
  ): MaybePromise<number | undefined> {
    return this.#changeIn(collection, call, (id) =>
      this.#connection.run(removeVectors(vectorSelection({ collection: id, namespace: ns, recursive }))),
    );
  }

  #find(name: string): Collection | undefined {
    const row = this.#statements.collection.get(name);
    return row && toCollection(row);
  }

  #change<T>(call: Call, work: () => T): MaybePromise<T> {
    return this.#session.write(call, () => this.#connection.transaction(work));
  }

  /** A change of documents; of a collection that is gone meanwhile it is `not_found`. */
  #changeIn<T>(collection: CollectionRow, call: Call, work: (id: number) => T): MaybePromise<T> {
    const { id, name } = collection as Collection;
    return this.#change(call, () => {
      if (this.#statements.bump.run(id).changes === 0) {
        throw new StorageError({
          code: 'not_found',
          message: `Collection ${name} was deleted meanwhile; create it again.`,
          applied: 'no',
          details: { collection: name },
        });
      }
      return work(id);
    });
  }
}
