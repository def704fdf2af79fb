import { invalid } from './errors.ts';
import type { SparseVector } from './record-table.ts';

/** https://docs.pinecone.io/reference/api/database-limits#identifier-limits */
const maxIdentifier = 512;
/** https://docs.pinecone.io/reference/api/database-limits#upsert-limits */
const maxSparseValues = 2048;
const maxSparseIndex = 2 ** 32 - 1;

/** The name under which the default namespace is kept: `''` means the same. */
const defaultNamespace = '__default__';

export interface SparseInput {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

function checkIdentifier(what: string, text: string): void {
  if (text.includes('\0')) throw invalid(`${what} must not contain null character`);
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7f) throw invalid(`${what} must be ASCII, but got '${text}'`);
  }
  if (text.length > maxIdentifier) {
    throw invalid(`${what} must be at most ${maxIdentifier} characters, but got ${text.length}`);
  }
}

/** Checks a record's id: 1 to 512 characters of ASCII without NUL. */
export function checkId(id: string): string {
  if (id === '') throw invalid('Vector ID must not be empty');
  checkIdentifier('Vector ID', id);
  return id;
}

/** Checks a namespace's name: up to 512 characters of ASCII without NUL. Answers the name it is kept under. */
export function namespaceName(name: string | undefined): string {
  if (name === undefined || name === '') return defaultNamespace;
  checkIdentifier('Namespace', name);
  return name;
}

function toFloat32(values: readonly number[]): Float32Array {
  const floats = Float32Array.from(values);
  if (!floats.every(Number.isFinite)) throw invalid('Vector values must be finite 32-bit floats');
  return floats;
}

/** A dense vector of an index's dimension. */
export function denseVector(values: readonly number[], dimension: number): Float32Array {
  if (values.length !== dimension) {
    throw invalid(`Vector dimension ${values.length} does not match the dimension of the index ${dimension}`);
  }
  return toFloat32(values);
}

/** A dense vector to keep: it can't be all zeros. One to search with can. */
export function storedDenseVector(id: string, values: readonly number[], dimension: number): Float32Array {
  const floats = denseVector(values, dimension);
  if (floats.every((value) => value === 0)) {
    throw invalid(`Dense vectors must contain at least one non-zero value. Vector ID '${id}' contains only zeros`);
  }
  return floats;
}

export function sparseVector(input: SparseInput): SparseVector {
  const { indices, values } = input;
  if (indices.length !== values.length) {
    throw invalid(
      `Sparse vector has ${indices.length} indices and ${values.length} values, their number must be equal`,
    );
  }
  if (indices.length === 0) throw invalid('Sparse vector must contain at least one value');
  if (indices.length > maxSparseValues) {
    throw invalid(`Sparse vector size ${indices.length} exceeds the limit of ${maxSparseValues}`);
  }
  for (const index of indices) {
    if (!Number.isInteger(index) || index < 0 || index > maxSparseIndex) {
      throw invalid(`Sparse vector indices must be integers from 0 to ${maxSparseIndex}, got ${index}`);
    }
  }
  if (new Set(indices).size !== indices.length) throw invalid('Sparse vector must not contain duplicate indices');
  return { indices: [...indices], values: toFloat32(values) };
}
