import {
  createTranslator,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** The engine's own codes. What is not known here is `internal`, with the original as its cause. */
function rules(error: NativeError): Translation | undefined {
  switch (error.code) {
    case 'NOAUTH':
      return { code: 'unauthenticated', message: 'The server refused the credentials; check `url`.' };
    default:
      return translateNetwork(error);
  }
}

/** The only place where native errors become `StorageError`. */
export const translateChroma: Translate = createTranslator('chroma', rules);

/** `ifMatch` that no longer holds. */
export function conflict(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record does not have this etag any more; read it again.',
    key,
    applied: 'no',
  });
}

/** `ifAbsent` where a record is. */
export function alreadyExists(key: string): StorageError {
  return new StorageError({
    code: 'already_exists',
    message: 'There is a record under this key; store without ifAbsent to replace it.',
    key,
    applied: 'no',
  });
}
