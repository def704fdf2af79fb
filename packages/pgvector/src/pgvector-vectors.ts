import {
  AsyncCoalescer,
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  type CompiledFilter,
  collectionMissing,
  type Gathered,
  type HybridDriver,
  type HybridRequest,
  partsOf,
  type RowOutcome,
  type RowPage,
  recordId,
  type VectorHit,
  type VectorPage,
  type VectorPageRequest,
  type VectorParts,
  type VectorRead,
  type VectorRow,
  type VectorSearch,
} from '@storage/backend-kit';
import { isStorageError, type StorageError } from '@storage/core';
import { compareCodePoints, type FilterNode } from '@storage/core/filter';
import {
  fragment,
  joinFragments,
  limitClause,
  namespaceCondition,
  numberedPlaceholders,
  type SqlFragment,
} from '@storage/sql';
import type { Answer, PostgresSession, Statement, StatementNames } from '@storage/sql/pg';
import { vectorBytes } from './pgvector-binary.ts';
import type { Collection, Collections } from './pgvector-collections.ts';
import { isTableMissing } from './pgvector-errors.ts';
import type { Extension } from './pgvector-extension.ts';
import { compileVectorFilter } from './pgvector-filter.ts';
import { fuseRankings, rankingDepth, textRanking } from './pgvector-hybrid.ts';
import type { IndexBuilder } from './pgvector-index-builder.ts';
import type { PgvectorSettings } from './pgvector-options.ts';
import { type PlacedRow, rowColumns, toHit, toRead, writeText, writeValues } from './pgvector-rows.ts';
import { exactText, indexedText, type SearchText, type SearchTextRequest } from './pgvector-search.ts';

export interface PgvectorParts {
  readonly session: PostgresSession;
  readonly collections: Collections;
  readonly indexes: IndexBuilder;
  readonly names: StatementNames;
  readonly settings: PgvectorSettings;
}

interface GatheredRow extends PlacedRow {
  readonly collection: Collection;
}

/** A condition with whatever parameters. */
interface Condition {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** What one statement carries. */
const mostBytes = 8 * 1024 * 1024;
const mostRows = 10_000;
/** How many gathered batches are under way at once. */
const batchesAtOnce = 4;

function sizeOf({ row }: PlacedRow): number {
  return row.vector.byteLength + row.metadata.length + (row.content?.length ?? 0);
}

/** Locks come in one order, whoever takes them. */
function inOrder(a: PlacedRow, b: PlacedRow): number {
  return compareCodePoints(a.ns, b.ns) || compareCodePoints(a.row.id, b.row.id);
}

/** Vectors in PostgreSQL: a table a collection. */
export class PgvectorVectors implements HybridDriver<SqlFragment> {
  readonly #parts: PgvectorParts;
  readonly #write: Gathered<GatheredRow, void>;
  #extension!: Extension;

  constructor(parts: PgvectorParts) {
    this.#parts = parts;
    this.#write = new AsyncCoalescer().lane<GatheredRow, void>({
      write: true,
      maxInFlight: batchesAtOnce,
      run: (batch, call) => this.#writeBatch(batch, call),
    });
  }

  /** No call comes before. */
  attach(extension: Extension): void {
    this.#extension = extension;
    this.#parts.collections.attach(extension);
  }

  createCollection(
    name: string,
    definition: CollectionDefinition,
    call: Call,
  ): Promise<{ readonly collection: CollectionRow; readonly created: boolean }> {
    const { collections, indexes } = this.#parts;
    return collections.create(name, definition, (collection) => indexes.atCreation(collection), call);
  }

  async deleteCollection(name: string, call: Call): Promise<boolean> {
    const known = this.#parts.collections.known(name);
    if (known !== undefined) await this.#parts.indexes.stop(known);
    return this.#parts.collections.remove(name, call);
  }

  getCollection(name: string, call: Call): Promise<CollectionRow | undefined> {
    return this.#parts.collections.get(name, call);
  }

  knownCollection(name: string): CollectionRow | undefined {
    return this.#parts.collections.known(name);
  }

  listCollections(after: string | undefined, limit: number, call: Call): Promise<RowPage<CollectionRow>> {
    return this.#parts.collections.list(after, limit, call);
  }

  async upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[], call: Call): Promise<void> {
    const own = collection as Collection;
    const [first] = rows;
    if (first !== undefined && rows.length === 1) {
      await this.#write(recordId(`${own.id}/${ns}`, first.id), { collection: own, ns, row: first }, call);
    } else await this.#store(own, rows.map((row) => ({ ns, row })).sort(inOrder), call);
    this.#parts.indexes.wrote(own, rows.length);
  }

  async #writeBatch(batch: readonly GatheredRow[], call: Call): Promise<readonly RowOutcome<void>[]> {
    const [first] = batch;
    if (first !== undefined && batch.every(({ collection }) => collection === first.collection)) {
      await this.#store(first.collection, [...batch].sort(inOrder), call);
      return batch.map(() => ({ ok: true, value: undefined }));
    }
    // Documents of several collections met: each goes alone.
    return Promise.all(batch.map((row) => this.#outcome(row, call)));
  }

  async #outcome(row: GatheredRow, call: Call): Promise<RowOutcome<void>> {
    try {
      await this.#store(row.collection, [row], call);
      return { ok: true, value: undefined };
    } catch (error) {
      return { ok: false, error: error as StorageError };
    }
  }

  /** All or none. */
  async #store(collection: Collection, rows: readonly PlacedRow[], call: Call): Promise<void> {
    const { session, names } = this.#parts;
    const { prefix, vectorOid } = this.#extension;
    const text = writeText(collection.table, prefix);
    const send = (inside: PostgresSession, part: readonly PlacedRow[]): Promise<Answer> =>
      inside.run(names.statement(text, writeValues(part, vectorOid)), call, true);
    const [first = [], ...more] = partsOf(rows, { count: mostRows, bytes: mostBytes }, sizeOf);
    await this.#on<unknown>(collection, () =>
      more.length === 0
        ? send(session, first)
        : session.transaction(call, async (inside) => {
            for (const part of [first, ...more]) await send(inside, part);
          }),
    );
  }

  async get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    parts: VectorParts,
    call: Call,
  ): Promise<readonly (VectorRead | undefined)[]> {
    const where = byIds(ns, ids);
    const { rows } = await this.#select(collection, `SELECT ${rowColumns(parts)}`, where, call, '', true);
    const found = new Map(rows.map((row) => [row[0] as string, row]));
    return ids.map((id) => {
      const row = found.get(id);
      return row === undefined ? undefined : toRead(row);
    });
  }

  remove(collection: CollectionRow, ns: string, ids: readonly string[], call: Call): Promise<number> {
    return this.#delete(collection, byIds(ns, ids), call);
  }

  removeWhere(collection: CollectionRow, ns: string, filter: SqlFragment | undefined, call: Call): Promise<number> {
    return this.#delete(collection, inNamespace(ns, filter), call);
  }

  dropNamespace(collection: CollectionRow, ns: string, recursive: boolean, call: Call): Promise<number> {
    return this.#delete(collection, namespaceCondition(ns, recursive), call);
  }

  compile({ fields }: CollectionRow, filter: FilterNode): CompiledFilter<SqlFragment> {
    return compileVectorFilter(filter, fields);
  }

  async search(
    collection: CollectionRow,
    ns: string,
    search: VectorSearch<SqlFragment>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const own = collection as Collection;
    const vector = vectorBytes(search.vector);
    const { settings } = this.#parts;
    if (own.measure.index === undefined || search.exact)
      return this.#find(own, ns, vector, search, exactText(own, search), call);
    const found = await this.#find(own, ns, vector, search, indexedText(own, search, settings, this.#extension), call);
    // The scan of an index ends before it has seen everything; only who reads all knows that there are no more.
    return found.length < search.limit ? this.#find(own, ns, vector, search, exactText(own, search), call) : found;
  }

  async #find(
    collection: Collection,
    ns: string,
    vector: Uint8Array,
    { filter }: SearchTextRequest,
    { text, values }: SearchText,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const all = [vector, ns, ...values];
    // What fits one operand of a filter may be far worse for another: those are planned each time.
    const statement = filter === undefined ? this.#parts.names.statement(text, all) : { text, values: all };
    const { rows } = await this.#read(collection, statement, call);
    return rows.map((row) => toHit(row, collection.metric));
  }

  async searchHybrid(
    collection: CollectionRow,
    ns: string,
    request: HybridRequest<SqlFragment>,
    call: Call,
  ): Promise<readonly VectorHit[]> {
    const own = collection as Collection;
    const limit = rankingDepth(request.limit);
    const { text, values } = textRanking(own, ns, { ...request, limit }, this.#parts.settings.language);
    const [close, worded] = await Promise.all([
      this.search(collection, ns, { ...request, limit, exact: false }, call),
      this.#read(own, { text, values }, call),
    ]);
    this.#parts.indexes.askedForText(own);
    return fuseRankings(close, worded.rows.map(toRead), request.limit);
  }

  async page(
    collection: CollectionRow,
    ns: string,
    request: VectorPageRequest<SqlFragment>,
    call: Call,
  ): Promise<VectorPage> {
    const { after, limit, filter } = request;
    const place = after === undefined ? [] : [fragment('id > ?', after)];
    const where = joinFragments('AND', [inNamespace(ns, filter), ...place]);
    const rest = ` ORDER BY id${limitClause(limit + 1)}`;
    const { rows } = await this.#select(
      collection,
      `SELECT ${rowColumns(request)}`,
      where,
      call,
      rest,
      filter === undefined,
    );
    const found = rows.slice(0, limit).map(toRead);
    return { rows: found, next: rows.length > limit ? found.at(-1)?.id : undefined };
  }

  async count(
    collection: CollectionRow,
    ns: string | undefined,
    filter: SqlFragment | undefined,
    call: Call,
  ): Promise<number> {
    const where = ns === undefined ? (filter ?? fragment('TRUE')) : inNamespace(ns, filter);
    const { rows } = await this.#select(collection, 'SELECT count(*)', where, call, '', filter === undefined);
    return Number(rows[0]?.[0]);
  }

  #select(
    collection: CollectionRow,
    head: string,
    where: Condition,
    call: Call,
    rest: string,
    fixed: boolean,
  ): Promise<Answer> {
    const { table } = collection as Collection;
    const text = numberedPlaceholders(`${head} FROM ${table} WHERE ${where.text}${rest}`);
    const statement = fixed ? this.#parts.names.statement(text, where.params) : { text, values: where.params };
    return this.#read(collection, statement, call);
  }

  /** Locks what it deletes in one order first. */
  async #delete(collection: CollectionRow, where: Condition, call: Call): Promise<number> {
    const { table } = collection as Collection;
    const text = numberedPlaceholders(
      `WITH found AS MATERIALIZED (SELECT namespace, id FROM ${table} WHERE ${where.text} ORDER BY namespace, id FOR UPDATE)
        DELETE FROM ${table} AS gone USING found WHERE gone.namespace = found.namespace AND gone.id = found.id`,
    );
    const { count } = await this.#on(collection, () =>
      this.#parts.session.run({ text, values: where.params }, call, true),
    );
    return count;
  }

  /** A read whose connection was lost is asked once more: another may have died unnoticed in the pool. */
  #read(collection: CollectionRow, statement: Statement, call: Call): Promise<Answer> {
    const { session } = this.#parts;
    return this.#on(collection, async () => {
      try {
        return await session.run(statement, call, false);
      } catch (error) {
        if (!isStorageError(error, 'unavailable') || error.applied === 'no') throw error;
        call.check();
        return session.run(statement, call, false);
      }
    });
  }

  /** A collection that others have deleted has no table. */
  async #on<T>({ name }: CollectionRow, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isTableMissing(error) ? collectionMissing(name) : error;
    }
  }
}

function byIds(ns: string, ids: readonly string[]): Condition {
  return { text: 'namespace = ? AND id = ANY (?::text[])', params: [ns, ids] };
}

function inNamespace(ns: string, filter: SqlFragment | undefined): SqlFragment {
  const place = namespaceCondition(ns, false);
  return filter === undefined ? place : joinFragments('AND', [place, filter]);
}
