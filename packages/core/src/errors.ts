import type { Outcome } from './call.ts';

/** Every code an error of this library can have. The union is closed: a `switch` over it can be exhaustive. */
export type StorageErrorCode =
  /** What had to be there is not: a collection, a provider's resource. Never used for a missing record: that is `undefined`. */
  | 'not_found'
  /** `ifAbsent` met something that is there; `details.etag` says which, where it is known. */
  | 'already_exists'
  /** An etag or version that no longer holds. */
  | 'conflict'
  /** A reference whose time to live is over. */
  | 'expired'
  /** The caller's mistake: the message says what was wrong and how to mend it, `details.path` where. */
  | 'invalid_argument'
  /** The call does not fit what is stored: text of a bytes record, a collection of another dimension. */
  | 'invalid_state'
  /** The backend cannot do this at all; its capabilities say so. */
  | 'unsupported'
  /** The backend cannot answer this filter; `details` is `{ operator, path, backend }`. */
  | 'unsupported_filter'
  /** A scan would read more records than `scanLimit` allows. Nothing was answered, nothing half. */
  | 'scan_limit'
  /** A value, key or batch over a limit; `details` has `limit` and `actual`. */
  | 'too_large'
  /** A quota, or the disk or memory of the store, is used up. */
  | 'quota_exceeded'
  /** The server asked for fewer calls; `details.retryAfterMs` where it said so. */
  | 'rate_limited'
  /** Known, but not allowed. */
  | 'permission_denied'
  /** Credentials are missing or wrong. */
  | 'unauthenticated'
  /** A call without a tenant where one is required. */
  | 'tenant_required'
  /** A name that no plugin or provider was registered under. */
  | 'not_registered'
  /** A call before `open`. */
  | 'not_initialized'
  /** A call after `close`. */
  | 'closed'
  /** The caller's signal. */
  | 'aborted'
  /** The call's time is over. */
  | 'timeout'
  /** The store can't be reached, or is busy beyond the call's time. An outage: never reported as a miss. */
  | 'unavailable'
  /** What is stored can't be read as what it should be. */
  | 'corrupt'
  /** A contract or schema of another version. */
  | 'version_mismatch'
  /** A defect in this library or a backend. */
  | 'internal';

/** Whether a failed write may have happened: `no` it did not; `unknown` it may have. */
export type Applied = 'no' | 'unknown';

/** What a `StorageError` is made from. */
export interface StorageErrorInit {
  readonly code: StorageErrorCode;
  /** What was wrong and how to mend it. Never a secret, never a stored value. */
  readonly message: string;
  readonly backend?: string | undefined;
  /** The contract's name of the call: `records.store`. */
  readonly operation?: string | undefined;
  readonly key?: string | undefined;
  /** Missing: follows from the code. */
  readonly retryable?: boolean | undefined;
  readonly applied?: Applied | undefined;
  readonly details?: { readonly [name: string]: unknown } | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for('@storage/error/1');
const retryableCodes: ReadonlySet<StorageErrorCode> = new Set(['unavailable', 'timeout', 'rate_limited']);

/** The one error that every call of this library throws. Told by `isStorageError`, which holds across two copies of this package. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly backend: string | undefined;
  readonly operation: string | undefined;
  readonly key: string | undefined;
  /** The same call may succeed later without a change by the caller. Whether a write may be repeated is told by `applied`. */
  readonly retryable: boolean;
  /** For a failed write. Missing: the call was no write. */
  readonly applied: Applied | undefined;
  /** What a caller would branch on. */
  readonly details: { readonly [name: string]: unknown } | undefined;

  static {
    Object.defineProperty(StorageError.prototype, brand, { value: true });
  }

  constructor(init: StorageErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.backend = init.backend;
    this.operation = init.operation;
    this.key = init.key;
    this.retryable = init.retryable ?? retryableCodes.has(init.code);
    this.applied = init.applied;
    this.details = init.details;
  }

  /** Without stack, cause and values: safe to log and to send. */
  toJSON(): { readonly [name: string]: unknown } {
    const { name, code, message, backend, operation, key, retryable, applied, details } = this;
    return { name, code, message, backend, operation, key, retryable, applied, details };
  }
}

/** Whether a value is a `StorageError`, of this or another copy of the package; with a code, whether it has that code. */
export function isStorageError(value: unknown, code?: StorageErrorCode): value is StorageError {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return code === undefined || (value as { code?: unknown }).code === code;
}

/** An error of code `invalid_argument`. `path` says where in the input. */
export function invalidArgument(
  message: string,
  details?: { readonly [name: string]: unknown },
  cause?: unknown,
): StorageError {
  return new StorageError({ code: 'invalid_argument', message, details, cause });
}

/** What was thrown, as a `StorageError` with backend, operation, key and `applied` filled in where it has none, and details added. */
export function withContext(
  thrown: unknown,
  context: Pick<StorageErrorInit, 'backend' | 'operation' | 'key' | 'applied' | 'details'>,
): StorageError {
  const error = toStorageError(thrown, context);
  const {
    backend = context.backend,
    operation = context.operation,
    key = context.key,
    applied = context.applied,
    code,
    message,
    retryable,
    cause,
  } = error;
  const details = context.details ? { ...error.details, ...context.details } : error.details;
  const complete =
    backend === error.backend &&
    operation === error.operation &&
    key === error.key &&
    applied === error.applied &&
    details === error.details;
  if (complete) return error;
  const filled = new StorageError({ code, message, backend, operation, key, retryable, applied, details, cause });
  if (error.stack !== undefined) filled.stack = error.stack;
  return filled;
}

/**
 * What was thrown, as a `StorageError`: anything else (a defect, or a fault of the caller's own function) becomes the `cause` of
 * one of code `internal`.
 */
export function toStorageError(
  error: unknown,
  context: Pick<StorageErrorInit, 'backend' | 'operation' | 'key' | 'applied'> = {},
): StorageError {
  if (isStorageError(error)) return error;
  const { backend = 'a provider', operation = 'a call' } = context;
  return new StorageError({
    ...context,
    code: 'internal',
    message: `${backend} failed in ${operation}; see \`cause\`.`,
    cause: error,
  });
}

/** How a promise of a storage call ended. Never rejects. */
export async function outcome<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await call };
  } catch (error) {
    return { ok: false, error: toStorageError(error) };
  }
}
