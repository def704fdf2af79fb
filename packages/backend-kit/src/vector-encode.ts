import { types } from 'node:util';
import {
  assertKey,
  assertText,
  invalidArgument,
  type Metric,
  StorageError,
  uuidv7,
  type VectorCapabilities,
  type VectorInput,
} from '@storage/core';
import { encodeMetadata, unsupported } from './record-encode.ts';
import type { CollectionRow, VectorRow } from './vector-driver.ts';

const metrics: readonly Metric[] = ['cosine', 'dot_product', 'euclidean'];
/** Between these squares of norms stay in the range of 32-bit floats, which engines reckon with. */
const minNorm = 1e-18;
const maxNorm = 1e18;

export function checkCollectionName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name)) {
    throw invalidArgument('A collection name has 1 to 63 of a-z A-Z 0-9 . _ - and begins with a letter or digit.', {
      path: 'name',
    });
  }
}

export function checkDimension(dimension: unknown, max: number): number {
  if (!Number.isInteger(dimension) || (dimension as number) < 1 || (dimension as number) > max) {
    throw invalidArgument(`dimension is ${String(dimension)}; it must be a whole number from 1 to ${max}.`, {
      path: 'dimension',
    });
  }
  return dimension as number;
}

export function checkMetric(metric: unknown, capabilities: VectorCapabilities): Metric {
  const asked = metric === 'inner_product' ? 'dot_product' : metric;
  const known = asked === undefined ? 'cosine' : metrics.find((each) => each === asked);
  if (known === undefined) throw invalidArgument(`metric is one of ${metrics.join(', ')}.`, { path: 'metric' });
  if (!capabilities.metrics.includes(known)) throw unsupported(`metric ${known}`, 'vectors.metrics');
  return known;
}

/** A vector as 32-bit floats. `path` names it in messages. */
export function encodeVector(vector: unknown, path: string): Float32Array {
  if (typeof vector !== 'object' || vector === null || !Number.isInteger((vector as ArrayLike<unknown>).length)) {
    throw invalidArgument(`${path} must be a list of numbers.`, { path });
  }
  const source = vector as ArrayLike<unknown>;
  const encoded = new Float32Array(source.length);
  let squares = 0;
  for (let i = 0; i < encoded.length; i++) {
    const value = source[i];
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw invalidArgument(`${path}[${i}] is ${String(value)}; vectors have finite numbers only.`, {
        path: `${path}[${i}]`,
      });
    encoded[i] = value;
    const kept = encoded[i] ?? 0;
    if (!Number.isFinite(kept))
      throw invalidArgument(`${path}[${i}] is beyond the range of 32-bit floats; scale the vector.`, {
        path: `${path}[${i}]`,
      });
    squares += kept * kept;
  }
  const norm = Math.sqrt(squares);
  if (norm !== 0 && (norm < minNorm || norm > maxNorm)) {
    throw invalidArgument(
      `${path} has a norm of ${norm}; it must be 0 or within ${minNorm} to ${maxNorm}. Scale the vector.`,
      { path },
    );
  }
  return encoded;
}

/** Refuses a vector that does not fit the collection. */
export function checkFits(vector: Float32Array, collection: CollectionRow, path: string): void {
  const { dimension, metric } = collection;
  if (vector.length !== dimension) {
    throw invalidArgument(`${path} has ${vector.length} numbers; collection ${collection.name} takes ${dimension}.`, {
      path,
      expected: dimension,
      actual: vector.length,
    });
  }
  if (metric === 'cosine' && vector.every((value) => value === 0)) {
    throw invalidArgument(`${path} is all 0, which has no direction; cosine can't compare it.`, { path });
  }
}

function checkCreatedAt(createdAt: unknown): number | undefined {
  if (createdAt === undefined) return undefined;
  const time = types.isDate(createdAt) ? createdAt.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw invalidArgument('createdAt must be a Date.', { path: 'createdAt' });
  return time;
}

function checkSizes(content: string | undefined, metadata: string, limit: number): void {
  const actual = Buffer.byteLength(content ?? '') + Buffer.byteLength(metadata);
  if (actual <= limit) return;
  throw new StorageError({
    code: 'too_large',
    message: `content and metadata take ${actual} bytes; at most ${limit} are allowed here. Keep what is not searched for elsewhere.`,
    applied: 'no',
    details: { limit, actual },
  });
}

/** What makes documents of inputs. */
export interface DocumentEncoding {
  readonly newId: (() => string) | undefined;
  readonly now: number;
  readonly capabilities: VectorCapabilities;
}

/** All of a document but its vector, checked and encoded. */
export function encodeDocumentHead(
  input: Omit<VectorInput, 'vector'>,
  { newId, now, capabilities }: DocumentEncoding,
): Omit<VectorRow, 'vector'> {
  if (typeof input !== 'object' || input === null)
    throw invalidArgument('Each document must be { id, vector, content, metadata, createdAt }.');
  const { content } = input;
  const id = input.id === undefined || input.id === '' ? (newId ?? uuidv7)() : input.id;
  assertKey(id);
  if (content !== undefined) assertText(content, 'content');
  const metadata = input.metadata === undefined ? '{}' : encodeMetadata(input.metadata, Number.POSITIVE_INFINITY);
  if (capabilities.maxMetadataBytes !== null) checkSizes(content, metadata, capabilities.maxMetadataBytes);
  return { id, content, metadata, createdAt: checkCreatedAt(input.createdAt) ?? now };
}

/** A document, checked and encoded; whether it fits the collection is not known yet. */
export function encodeDocument(input: VectorInput, encoding: DocumentEncoding): VectorRow {
  const head = encodeDocumentHead(input, encoding);
  return { ...head, vector: encodeVector(input.vector, 'vector') };
}

export function collectionMissing(name: string): StorageError {
  return new StorageError({
    code: 'not_found',
    message: `There is no collection ${name}; make it with createCollection.`,
    details: { collection: name },
  });
}
