import {
  type Call,
  type CollectionDefinition,
  type CollectionRow,
  type CompiledFilter,
  type RowPage,
  scoreOf,
  type VectorDriver,
  type VectorHit,
  type VectorPage,
  type VectorPageRequest,
  type VectorParts,
  type VectorRead,
  type VectorRow,
  type VectorSearch,
} from '@storage/backend-kit';
import { compareCodePoints, type FilterNode } from '@storage/core/filter';
import { MemoryBudget } from './memory-budget.ts';
import { compilePredicate, type Predicate } from './memory-filter.ts';
import { isWithin } from './memory-namespaces.ts';
import type { MemoryLimits } from './memory-options.ts';
import { SortedKeys } from './sorted-keys.ts';

interface Space {
  readonly rows: Map<string, VectorRow>;
  readonly ids: SortedKeys;
}

interface Collection {
  readonly row: CollectionRow;
  readonly spaces: Map<string, Space>;
}

function bytesOf(row: VectorRow): number {
  return row.id.length * 2 + row.vector.byteLength + row.metadata.length + (row.content?.length ?? 0);
}

/** Vectors in maps; every search looks at every vector. */
export class MemoryVectors implements VectorDriver<Predicate> {
  readonly #collections = new Map<string, Collection>();
  readonly #budget: MemoryBudget;

  constructor(limits: MemoryLimits) {
    this.#budget = new MemoryBudget(limits, () => undefined);
  }

  /** Entries and bytes kept now. */
  usage(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#budget.entries, bytes: this.#budget.bytes };
  }

  createCollection(name: string, definition: CollectionDefinition): { collection: CollectionRow; created: boolean } {
    const present = this.#collections.get(name);
    if (present !== undefined) return { collection: present.row, created: false };
    const row: CollectionRow = { name, ...definition };
    this.#collections.set(name, { row, spaces: new Map() });
    return { collection: row, created: true };
  }

  deleteCollection(name: string): boolean {
    for (const space of this.#collections.get(name)?.spaces.values() ?? []) this.#release(space);
    return this.#collections.delete(name);
  }

  getCollection(name: string): CollectionRow | undefined {
    return this.#collections.get(name)?.row;
  }

  listCollections(after: string | undefined, limit: number): RowPage<CollectionRow> {
    const names = [...this.#collections.keys()]
      .sort(compareCodePoints)
      .filter((name) => after === undefined || compareCodePoints(name, after) > 0);
    const rows = names.slice(0, limit).flatMap((name) => this.getCollection(name) ?? []);
    return { rows, more: names.length > limit };
  }

  upsert(collection: CollectionRow, ns: string, rows: readonly VectorRow[]): void {
    const spaces = this.#collections.get(collection.name)?.spaces;
    if (spaces === undefined) return;
    let space = spaces.get(ns);
    const growth = rows.reduce((sum, row) => sum + bytesOf(row) - sizeOf(space?.rows.get(row.id)), 0);
    const added = new Set(rows.map((row) => row.id).filter((id) => space?.rows.has(id) !== true)).size;
    this.#budget.require(added, growth);
    if (space === undefined) {
      space = { rows: new Map(), ids: new SortedKeys() };
      spaces.set(ns, space);
    }
    for (const row of rows) {
      const replaced = space.rows.get(row.id);
      if (replaced === undefined) space.ids.add(row.id);
      space.rows.set(row.id, { ...row, vector: row.vector.slice() });
      this.#budget.add(replaced === undefined ? 1 : 0, bytesOf(row) - sizeOf(replaced));
    }
  }

  get(
    collection: CollectionRow,
    ns: string,
    ids: readonly string[],
    { includeVectors }: VectorParts,
  ): readonly (VectorRead | undefined)[] {
    const rows = this.#space(collection, ns)?.rows;
    return ids.map((id) => {
      const row = rows?.get(id);
      return row && read(row, includeVectors);
    });
  }

  remove(collection: CollectionRow, ns: string, ids: readonly string[]): number {
    const space = this.#space(collection, ns);
    let removed = 0;
    for (const id of ids) {
      const row = space?.rows.get(id);
      if (space === undefined || row === undefined) continue;
      space.rows.delete(id);
      space.ids.delete(id);
      this.#budget.add(-1, -bytesOf(row));
      removed++;
    }
    return removed;
  }

  removeWhere(collection: CollectionRow, ns: string, filter: Predicate | undefined): number {
    return this.remove(
      collection,
      ns,
      [...this.#matching(collection, ns, filter)].map((row) => row.id),
    );
  }

  compile(_collection: CollectionRow, filter: FilterNode): CompiledFilter<Predicate> {
    return { native: compilePredicate(filter), precision: 'exact' };
  }

  search(collection: CollectionRow, ns: string, search: VectorSearch<Predicate>, call: Call): readonly VectorHit[] {
    const hits: { row: VectorRow; score: number }[] = [];
    let looked = 0;
    for (const row of this.#matching(collection, ns, search.filter)) {
      if (++looked % 10_000 === 0) call.check();
      hits.push({ row, score: scoreOf(collection.metric, search.vector, row.vector) });
    }
    hits.sort((a, b) => b.score - a.score || compareCodePoints(a.row.id, b.row.id));
    return hits
      .slice(0, search.limit)
      .map(({ row, score }) => ({ ...read(row, search.includeVectors), score, distance: undefined }));
  }

  page(collection: CollectionRow, ns: string, request: VectorPageRequest<Predicate>): VectorPage {
    const rows: VectorRead[] = [];
    for (const row of this.#matching(collection, ns, request.filter, request.after)) {
      if (rows.length === request.limit) return { rows, next: rows.at(-1)?.id };
      rows.push(read(row, request.includeVectors));
    }
    return { rows };
  }

  count(collection: CollectionRow, ns: string | undefined, filter: Predicate | undefined): number {
    const spaces = ns === undefined ? [...(this.#collections.get(collection.name)?.spaces.keys() ?? [])] : [ns];
    let count = 0;
    for (const space of spaces) for (const _row of this.#matching(collection, space, filter)) count++;
    return count;
  }

  dropNamespace(collection: CollectionRow, ns: string, recursive: boolean): number {
    const spaces = this.#collections.get(collection.name)?.spaces ?? new Map<string, Space>();
    let deleted = 0;
    for (const [path, space] of spaces) {
      if (path !== ns && !(recursive && isWithin(path, ns))) continue;
      this.#release(space);
      deleted += space.rows.size;
      spaces.delete(path);
    }
    return deleted;
  }

  *#matching(
    collection: CollectionRow,
    ns: string,
    filter: Predicate | undefined,
    after?: string,
  ): Generator<VectorRow> {
    const space = this.#space(collection, ns);
    if (space === undefined) return;
    const ids = space.ids.all();
    for (let index = after === undefined ? 0 : space.ids.from(after); index < ids.length; index++) {
      const row = ids[index] === after ? undefined : space.rows.get(ids[index] ?? '');
      if (row !== undefined && (filter === undefined || filter(JSON.parse(row.metadata)))) yield row;
    }
  }

  #space(collection: CollectionRow, ns: string): Space | undefined {
    return this.#collections.get(collection.name)?.spaces.get(ns);
  }

  #release(space: Space): void {
    for (const row of space.rows.values()) this.#budget.add(-1, -bytesOf(row));
  }
}

function sizeOf(row: VectorRow | undefined): number {
  return row === undefined ? 0 : bytesOf(row);
}

function read(row: VectorRow, includeVectors: boolean): VectorRead {
  const { id, content, metadata, createdAt } = row;
  return { id, content, metadata, createdAt, vector: includeVectors ? row.vector : undefined };
}
