import type { VectorCapabilities } from '@storage/core';
import { compareCodePoints } from '@storage/core/filter';
import type {
  CollectionRow,
  CompiledFilter,
  RowPage,
  VectorDriver,
  VectorHit,
  VectorPage,
  VectorParts,
  VectorRead,
  VectorRow,
  VectorSearch,
} from '../src/index.ts';

export const vectorCapabilities: VectorCapabilities = {
  metrics: ['cosine', 'euclidean'],
  maxDimension: 8,
  maxLimit: 200,
  exact: 'always',
  deleteWhere: 'racy',
  atomicUpsert: true,
  replace: 'atomic',
  maxMetadataBytes: null,
};

/** A driver that knows euclidean distance alone and no filter: everything is a superset. */
export class FakeVectors implements VectorDriver<never> {
  readonly collections = new Map<string, CollectionRow>();
  readonly spaces = new Map<string, Map<string, VectorRow>>();
  readonly asked: number[] = [];

  space(name: string, ns: string): Map<string, VectorRow> {
    const id = `${name}:${ns}`;
    const space = this.spaces.get(id) ?? new Map<string, VectorRow>();
    this.spaces.set(id, space);
    return space;
  }

  createCollection(
    name: string,
    options: Omit<CollectionRow, 'name' | 'indexType'>,
  ): { readonly collection: CollectionRow; readonly created: boolean } {
    const before = this.collections.get(name);
    if (before !== undefined) return { collection: before, created: false };
    const collection = { name, ...options };
    this.collections.set(name, collection);
    return { collection, created: true };
  }

  deleteCollection(name: string): boolean {
    return this.collections.delete(name);
  }

  getCollection(name: string): CollectionRow | undefined {
    return this.collections.get(name);
  }

  listCollections(after: string | undefined, limit: number): RowPage<CollectionRow> {
    const rows = [...this.collections.values()]
      .sort((a, b) => compareCodePoints(a.name, b.name))
      .filter(({ name }) => name > (after ?? ''));
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  upsert({ name }: CollectionRow, ns: string, rows: readonly VectorRow[]): void {
    for (const row of rows) this.space(name, ns).set(row.id, row);
  }

  get(
    { name }: CollectionRow,
    ns: string,
    ids: readonly string[],
    { includeVectors }: VectorParts,
  ): readonly (VectorRead | undefined)[] {
    return ids.map((id) => {
      const row = this.space(name, ns).get(id);
      return row && { ...row, vector: includeVectors ? row.vector : undefined };
    });
  }

  remove({ name }: CollectionRow, ns: string, ids: readonly string[]): number {
    return ids.filter((id) => this.space(name, ns).delete(id)).length;
  }

  removeWhere({ name }: CollectionRow, ns: string): number {
    const { size } = this.space(name, ns);
    this.space(name, ns).clear();
    return size;
  }

  compile(): CompiledFilter<never> {
    return { native: undefined, precision: 'superset' };
  }

  search(
    { name }: CollectionRow,
    ns: string,
    { vector, limit, includeVectors }: VectorSearch<never>,
  ): readonly VectorHit[] {
    this.asked.push(limit);
    return [...this.space(name, ns).values()]
      .map((row) => ({
        ...row,
        vector: includeVectors ? row.vector : undefined,
        score: -Math.hypot(...row.vector.map((x, i) => x - (vector[i] ?? 0))),
        distance: undefined,
      }))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit);
  }

  page(
    { name }: CollectionRow,
    ns: string,
    request: { readonly after: string | undefined; readonly limit: number },
  ): VectorPage {
    const rows = [...this.space(name, ns).values()]
      .sort((a, b) => compareCodePoints(a.id, b.id))
      .filter(({ id }) => compareCodePoints(id, request.after ?? '') > 0);
    const page = rows.slice(0, request.limit);
    return { rows: page, next: rows.length > page.length ? page.at(-1)?.id : undefined };
  }

  count({ name }: CollectionRow, ns: string | undefined): number {
    const ids = [...this.spaces.keys()].filter((id) =>
      ns === undefined ? id.startsWith(`${name}:`) : id === `${name}:${ns}`,
    );
    return ids.reduce((sum, id) => sum + (this.spaces.get(id)?.size ?? 0), 0);
  }

  dropNamespace({ name }: CollectionRow, ns: string): number {
    return this.removeWhere({ name } as CollectionRow, ns);
  }
}
