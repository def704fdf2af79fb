import { createTranslator, type NativeError, type Translate, type Translation } from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** Whether the file is locked by somebody else, and the same may work in a moment. */
export function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  const { code } = error;
  return typeof code === 'string' && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'));
}

/** Whether the disk or memory is used up: a smaller write may still find room. */
export function isFull(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'SQLITE_FULL';
}

/** The engine ends a transaction by itself when it has no room or the disk fails, whatever the body made of that error. */
export function givenUp(): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message:
      'SQLite gave the transaction up after an error inside it; nothing of it was applied. Let such errors end the body.',
    applied: 'no',
  });
}

/** SQLite's result code without its extension: `SQLITE_IOERR_READ` is `SQLITE_IOERR`. */
function primary(code: string): string {
  return /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
}

function rules(path: string, error: NativeError): Translation | undefined {
  if (error.message.startsWith('Could not locate the bindings file') || error.code === 'ERR_DLOPEN_FAILED') {
    return {
      code: 'unavailable',
      retryable: false,
      applied: 'no',
      message:
        'The native driver of SQLite is not built for this Node; run `npm rebuild better-sqlite3`, with a C++ compiler at hand.',
    };
  }
  const details = { path, sqlite: error.code };
  switch (primary(error.code)) {
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return {
        code: 'unavailable',
        applied: 'no',
        details,
        message: `${path} is locked by another writer; try again, or raise busyTimeoutMs.`,
      };
    case 'SQLITE_FULL':
      return {
        code: 'quota_exceeded',
        applied: 'no',
        details,
        message: `There is no room for ${path} to grow; free space on its disk, or raise the database's limit.`,
      };
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return {
        code: 'corrupt',
        applied: 'no',
        details,
        message: `${path} is damaged or is no SQLite database. Restore it from a backup, or save what is left with \`sqlite3 <file> .recover\`; then open it again.`,
      };
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
    case 'SQLITE_AUTH':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `${path} can't be written; it was opened readOnly, or the file or its folder is not writable by this process.`,
      };
    case 'SQLITE_CANTOPEN':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `${path} can't be opened or made; check that the folder exists and that this process may write to it.`,
      };
    case 'SQLITE_TOOBIG':
      return {
        code: 'too_large',
        applied: 'no',
        details,
        message: 'The value is larger than SQLite holds in one row; store it as a stream, or split it.',
      };
    case 'SQLITE_NOMEM':
      return { code: 'quota_exceeded', applied: 'no', details, message: 'SQLite ran out of memory.' };
    case 'SQLITE_IOERR':
      return {
        code: 'unavailable',
        details,
        message: `The disk under ${path} failed (${error.code}); check it and its connection.`,
      };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `The folder of ${path} can't be made (${error.code}); choose one that this process may write to.`,
      };
    case 'ENOTDIR':
    case 'EEXIST':
      return {
        code: 'invalid_argument',
        applied: 'no',
        details,
        message: `The folder of ${path} can't be made: a part of the path is a file.`,
      };
    case 'ENOSPC':
      return { code: 'quota_exceeded', applied: 'no', details, message: `There is no room on the disk for ${path}.` };
    default:
      return undefined;
  }
}

/** The only place where SQLite's errors become a `StorageError`. */
export function sqliteTranslator(path: string): Translate {
  return createTranslator('sqlite', (error) => rules(path, error));
}
