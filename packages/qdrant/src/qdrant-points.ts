import type { VectorParts, VectorRead, VectorRow } from '@storage/backend-kit';
import { fieldsOf } from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import { valueAt } from '@storage/core/filter';
import type { QdrantCollection } from './qdrant-collection-info.ts';
import { idOfPoint, isOwnId, type PointId, pointId } from './qdrant-ids.ts';
import type { SparseVector } from './qdrant-options.ts';

/** The one member of a payload that is ours. */
export const shadowKey = '_storage';
/** The name of sparse vectors. */
export const sparseName = 'text';
const reserved = /^_storage~*$/;

/** What is kept of a document beside the caller's own metadata. */
interface Shadow {
  /** Milliseconds since 1970. Whatever has none was written by something else. */
  readonly at: number;
  /** Missing where the point's id tells it. */
  readonly id?: string;
  /** The document's namespace and, with a slash behind each, those that it lies in. Missing: the root. */
  readonly ns?: readonly string[];
  readonly content?: string;
  /** The length of the vector, which Qdrant makes 1 under cosine. */
  readonly norm?: number;
}

/** A point as it is sent. */
export interface PointWrite {
  readonly id: PointId;
  readonly vector: number[] | { readonly [name: string]: number[] | { indices: number[]; values: number[] } };
  readonly payload: { readonly [name: string]: unknown };
}

/** A point as it is answered. */
export interface PointRead {
  readonly id: PointId;
  readonly payload?: { readonly [name: string]: unknown } | null | undefined;
  readonly vector?: unknown;
}

/** Where in the payload a key of metadata stands: as it is, but for names like ours. */
export function escapeKey(key: string): string {
  return reserved.test(key) ? `${key}~` : key;
}

/** The times of a declared date, in the place of their order among the declared. */
export function dateKey(index: number): string {
  return `d${index}`;
}

function timesAt(metadata: unknown, path: readonly string[]): readonly number[] {
  const value = valueAt(metadata, path);
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string').map(Date.parse);
}

function normOf(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

/** A vector as it is sent. Qdrant takes a short one for zero and leaves it short, so that under cosine it is made 1 long here. */
export function toNumbers(vector: Float32Array, { metric }: QdrantCollection, norm: number = normOf(vector)): number[] {
  return metric === 'cosine' && norm > 0 ? Array.from(vector, (value) => value / norm) : Array.from(vector);
}

/** How a namespace that others lie in stands among theirs: no path ends with a slash. */
export function above(ns: string): string {
  return `${ns}/`;
}

function namespaces(ns: string): readonly string[] {
  const parts = ns.split('/');
  return [ns, ...parts.slice(1).map((_, index) => above(parts.slice(0, index + 1).join('/')))];
}

/** Whether the point is a document of the root. */
export function isInRoot(point: PointRead): boolean {
  return shadowOf(point).ns === undefined;
}

function escaped(metadata: object): object {
  if (!Object.keys(metadata).some((key) => reserved.test(key))) return metadata;
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [escapeKey(key), value]));
}

/** A document as a point. */
export function toPoint(
  collection: QdrantCollection,
  ns: string,
  row: VectorRow,
  sparse: SparseVector | undefined,
): PointWrite {
  const metadata = JSON.parse(row.metadata) as object;
  const dates = fieldsOf(collection, 'date').flatMap((path, index) => {
    const times = timesAt(metadata, path);
    return times.length === 0 ? [] : [[dateKey(index), times] as const];
  });
  const norm = normOf(row.vector);
  const shadow: Shadow = {
    at: row.createdAt,
    ...(!isOwnId(ns, row.id) && { id: row.id }),
    ...(ns !== '' && { ns: namespaces(ns) }),
    ...(row.content !== undefined && { content: row.content }),
    ...(collection.metric === 'cosine' && { norm }),
    ...Object.fromEntries(dates),
  };
  const dense = toNumbers(row.vector, collection, norm);
  return {
    id: pointId(ns, row.id),
    vector:
      sparse === undefined
        ? dense
        : { '': dense, [sparseName]: { indices: [...sparse.indices], values: [...sparse.values] } },
    payload: { ...escaped(metadata), [shadowKey]: shadow },
  };
}

function shadowOf(point: PointRead): Partial<Shadow> {
  const { [shadowKey]: shadow, ...rest } = point.payload ?? {};
  if (typeof shadow === 'object' && shadow !== null && typeof (shadow as Partial<Shadow>).at === 'number')
    return shadow as Shadow;
  if (shadow !== undefined || Object.keys(rest).some((key) => reserved.test(key)))
    throw new StorageError({
      code: 'corrupt',
      message: `Point ${point.id} was written by something else and has a member ${shadowKey} of its own, which this library reserves; rename it.`,
      details: { point: String(point.id) },
    });
  return {};
}

function metadataOf({ payload }: PointRead, foreign: boolean): string {
  if (payload === undefined || payload === null) return '{}';
  const { [shadowKey]: _, ...metadata } = payload;
  if (foreign || !Object.keys(metadata).some((key) => reserved.test(key))) return JSON.stringify(metadata);
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [reserved.test(key) ? key.slice(0, -1) : key, value]),
    ),
  );
}

function vectorOf(point: PointRead, length: number): Float32Array {
  const { vector } = point;
  const dense = Array.isArray(vector) ? vector : (vector as { readonly ''?: unknown } | undefined)?.[''];
  if (!Array.isArray(dense))
    throw new StorageError({
      code: 'corrupt',
      message: `Point ${point.id} has no vector; something else wrote it, or took it away.`,
      details: { point: String(point.id) },
    });
  const kept = Float32Array.from(dense as number[]);
  return length === 1 ? kept : kept.map((value) => value * length);
}

/** A point as a document. What was written by something else is read as far as it tells. */
export function toRead(point: PointRead, { includeVectors, includeMetadata }: VectorParts): VectorRead {
  const shadow = shadowOf(point);
  return {
    id: shadow.id ?? idOfPoint(point.id),
    content: shadow.content,
    metadata: includeMetadata ? metadataOf(point, shadow.at === undefined) : '{}',
    createdAt: shadow.at,
    vector: includeVectors ? vectorOf(point, shadow.norm ?? 1) : undefined,
  };
}
