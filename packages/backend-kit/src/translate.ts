import { type Applied, isStorageError, StorageError, type StorageErrorCode } from '@storage/core';

/** What was being done when an error came. */
export interface ErrorSite {
  /** The contract's name of the call: `records.store`. */
  readonly operation: string;
  readonly key: string | undefined;
  /** Whether the call may have changed something. */
  readonly write: boolean;
}

/** What can be told of any error without trusting its prototype. */
export interface NativeError {
  readonly name: string;
  readonly message: string;
  /** `SQLITE_BUSY`, `40P01`, `ECONNREFUSED`. `''` when it has none. */
  readonly code: string;
  /** An HTTP status. `undefined` when it has none. */
  readonly status: number | undefined;
  readonly original: unknown;
}

/** What a backend makes of a native error. The message never carries a secret or a stored value. */
export interface Translation {
  readonly code: StorageErrorCode;
  readonly message: string;
  readonly retryable?: boolean | undefined;
  /** For writes. Missing: by the code (`defaultApplied`). */
  readonly applied?: Applied | undefined;
  readonly details?: { readonly [name: string]: unknown } | undefined;
}

/** Makes a `StorageError` of anything that was thrown. */
export type Translate = (error: unknown, site: ErrorSite) => StorageError;

const uncertain: ReadonlySet<StorageErrorCode> = new Set(['aborted', 'timeout', 'unavailable', 'internal', 'corrupt']);

/** Whether a write that failed with this code may have happened, when the driver does not know better. */
export function defaultApplied(code: StorageErrorCode): Applied {
  return uncertain.has(code) ? 'unknown' : 'no';
}

/** Reads what is there of an error's usual members. */
export function describeError(error: unknown): NativeError {
  if (typeof error !== 'object' || error === null) {
    return { name: typeof error, message: String(error), code: '', status: undefined, original: error };
  }
  const { name, message, code, status, statusCode } = error as { readonly [member: string]: unknown };
  const number = typeof status === 'number' ? status : statusCode;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    code: typeof code === 'string' || typeof code === 'number' ? String(code) : '',
    status: typeof number === 'number' ? number : undefined,
    original: error,
  };
}

/** Rules for what `node:net` and its kin say when a server can't be reached. Rules of a backend end with it. */
export function translateNetwork(error: NativeError): Translation | undefined {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return {
        code: 'unavailable',
        applied: 'no',
        message: `The server can't be reached (${error.code}); check its address and that it runs.`,
      };
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return { code: 'unavailable', message: `The connection to the server was lost (${error.code}).` };
    default:
      return undefined;
  }
}

/**
 * A translator by the rules of one backend. A `StorageError` passes as it is; what the rules don't know is `internal`, with
 * the original as its cause and nothing of its text in the message.
 */
export function createTranslator(
  backend: string,
  rules: (error: NativeError, site: ErrorSite) => Translation | undefined,
): Translate {
  return (error, site) => {
    if (isStorageError(error)) return error;
    const native = describeError(error);
    const known = rules(native, site);
    const code = known?.code ?? 'internal';
    return new StorageError({
      code,
      message:
        known?.message ??
        `${backend} failed in ${site.operation} with an error this library does not know${native.code && ` (${native.code})`}; see its cause.`,
      backend,
      operation: site.operation,
      key: site.key,
      retryable: known?.retryable,
      applied: site.write ? (known?.applied ?? defaultApplied(code)) : undefined,
      details: known?.details,
      cause: error,
    });
  };
}

/** A later attempt or step of a write failed, but what came before it may have taken effect, whatever the failure says of itself. */
export function asUnknown(error: StorageError): StorageError;
export function asUnknown(error: unknown): unknown;
export function asUnknown(error: unknown): unknown {
  if (!isStorageError(error) || error.applied === 'unknown') return error;
  return new StorageError({ ...error, message: error.message, applied: 'unknown', cause: error.cause });
}
