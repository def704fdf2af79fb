import { createHash } from 'node:crypto';
import { isInstant, type VectorRead, type VectorRow } from '@storage/backend-kit';
import { StorageError, type VectorFields, type VectorFieldType } from '@storage/core';
import { joinPath, splitPath } from '@storage/core/filter';
import type { Metadata } from 'chromadb';

/** Begins every key of ours. A key of a user's that begins so is escaped. */
const own = 'storage:';

/** Where a whole document stands beside its vector and text: when, whether it has a text, and the metadata as JSON. */
export const recordKey: string = `${own}record`;

/** The value of a token: a text, for the server has no index of booleans, and looks twice for a number. */
export const held = 'y';

/** The longest text that stands natively as it is, and as a whole in the name of a key. */
const maxNativeText = 1024;
const maxTokenText = 128;

/**
 * The native key of a path. Chroma refuses keys that are empty or begin with `#` or `$`, and stops working when its own
 * `chroma:` keys are written; a backslash before is told apart by `joinPath`, which escapes those of the user.
 */
export function nativeKey(path: readonly string[]): string {
  const joined = joinPath(path);
  return joined === '' || joined === '__proto__' || /^(#|chroma:|storage:)/.test(joined) ? `\\${joined}` : joined;
}

/** What there is at a path, where that is written down: `s`, `n`: a text, a number that stands natively; `t`, `f`: true, false; `a`: candidates that do not stand natively; `o`: an object. */
export function kindKey(key: string): string {
  return `${own}kind:${key}`;
}

/** Is `held` where an array, or what does not stand natively, has this candidate. */
export function tokenKey(key: string, candidate: string | number | boolean): string {
  const text = JSON.stringify(candidate === 0 ? 0 : candidate);
  const token = text.length <= maxTokenText ? text : `#${createHash('sha256').update(text).digest('base64url')}`;
  return `${own}has:${key}=${token}`;
}

/** The milliseconds of a declared date. */
export function timeKey(key: string): string {
  return `${own}ms:${key}`;
}

/** Whether a candidate stands natively under the path's own key. */
export function isNative(candidate: string | number | boolean): boolean {
  if (typeof candidate === 'string') return candidate.length <= maxNativeText;
  return typeof candidate === 'boolean' || !Number.isInteger(candidate) || Number.isSafeInteger(candidate);
}

/** The kind of a scalar that stands natively. */
export function kindOf(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return typeof value === 'string' ? 's' : 'n';
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

type Written = Record<string, string | number | boolean>;

const declaredOf = new WeakMap<VectorFields, ReadonlyMap<string, VectorFieldType>>();

/** Declared fields by their paths as `joinPath` writes them. */
export function declaredTypes(fields: VectorFields): ReadonlyMap<string, VectorFieldType> {
  let types = declaredOf.get(fields);
  if (types === undefined) {
    types = new Map(Object.entries(fields).map(([path, type]) => [joinPath(splitPath(path)), type]));
    declaredOf.set(fields, types);
  }
  return types;
}

/** What of metadata the server can filter by. */
class NativeFields {
  readonly written: Written = Object.create(null) as Written;
  readonly #declared: ReadonlyMap<string, VectorFieldType>;

  constructor(fields: VectorFields) {
    this.#declared = declaredTypes(fields);
  }

  add(path: readonly string[], value: unknown): void {
    const key = nativeKey(path);
    if (isScalar(value)) this.#scalar(path, key, value);
    else if (Array.isArray(value)) {
      if (value.length > 0) this.#candidates(key, value.filter(isScalar));
    } else if (typeof value === 'object' && value !== null) {
      this.#declare(path, key, 'o');
      for (const [name, member] of Object.entries(value)) this.add([...path, name], member);
    }
  }

  #scalar(path: readonly string[], key: string, value: string | number | boolean): void {
    const date = typeof value === 'string' && this.#declared.get(joinPath(path)) === 'date';
    if (!isNative(value) || (date && !isInstant(value))) {
      this.#candidates(key, [value]);
      return;
    }
    this.written[key] = value === 0 ? 0 : value;
    this.#declare(path, key, kindOf(value));
    if (date) this.written[timeKey(key)] = Date.parse(value);
  }

  #candidates(key: string, candidates: readonly (string | number | boolean)[]): void {
    this.written[kindKey(key)] = 'a';
    for (const candidate of candidates) this.written[tokenKey(key, candidate)] = held;
  }

  /** What stands natively needs no kind but for filters that ask whether it is there, which are declared. */
  #declare(path: readonly string[], key: string, kind: string): void {
    if (this.#declared.has(joinPath(path))) this.written[kindKey(key)] = kind;
  }
}

/** What is written beside vector and text of a document. */
export function encodeShadow(row: VectorRow, fields: VectorFields): Written {
  const native = new NativeFields(fields);
  if (row.metadata !== '{}')
    for (const [name, value] of Object.entries(JSON.parse(row.metadata) as object)) native.add([name], value);
  native.written[recordKey] = `{"at":${row.createdAt},"text":${row.content !== undefined},"metadata":${row.metadata}}`;
  return native.written;
}

/** Whether what is there has a text that this library wrote, or one that something else did. */
export function mayHaveText(metadata: Metadata | null): boolean {
  const record = metadata?.[recordKey];
  return typeof record !== 'string' || !record.includes('"text":false');
}

/** A record as the server answers it. */
export interface NativeRecord {
  readonly id: string;
  readonly document: string | null | undefined;
  readonly metadata: Metadata | null | undefined;
  readonly vector: Float32Array | undefined;
}

/** A document. Without a shadow something else wrote it, and its native metadata are its metadata. */
export function decodeRecord({ id, document, metadata, vector }: NativeRecord): VectorRead {
  const record = metadata?.[recordKey];
  if (record === undefined || record === null) {
    return {
      id,
      vector,
      content: document ?? undefined,
      metadata: JSON.stringify(metadata ?? {}),
      createdAt: undefined,
    };
  }
  const [, at, text, json] = /^\{"at":(-?\d+),"text":(true|false),"metadata":(.*)\}$/s.exec(String(record)) ?? [];
  if (json === undefined) {
    throw new StorageError({
      code: 'corrupt',
      message: `The metadata of ${JSON.stringify(id)} can't be read: ${recordKey} is not what this library writes. Store the document again.`,
      details: { id },
    });
  }
  const content = text === 'true' ? (document ?? '') : undefined;
  return { id, vector, content, metadata: json, createdAt: Number(at) };
}
