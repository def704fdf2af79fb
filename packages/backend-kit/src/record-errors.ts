import { StorageError } from '@storage/core';

/** `ifMatch` that does not hold. */
export function conflict(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record does not have this etag, or is gone; read it again.',
    key,
    applied: 'no',
  });
}

/** `ifAbsent` where a record is. `etag`: that record's, where it is known. */
export function alreadyExists(key: string, etag?: string): StorageError {
  return new StorageError({
    code: 'already_exists',
    message: 'There is a record under this key already; store without ifAbsent to replace it.',
    key,
    applied: 'no',
    ...(etag !== undefined && { details: { etag } }),
  });
}

/** Chunks that were swept while they were being read. */
export function replacedError(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record was replaced while it was read; read it again.',
    key,
  });
}
