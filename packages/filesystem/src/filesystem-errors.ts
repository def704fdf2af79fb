import {
  createTranslator,
  describeError,
  type NativeError,
  type Translate,
  type Translation,
} from '@storage/backend-kit';
import { StorageError as Failure, invalidArgument, type StorageError } from '@storage/core';

/** Node's code of what was thrown; `''` when it has none. */
export function codeOf(error: unknown): string {
  return describeError(error).code;
}

/** Whether there is no such file or folder: also below something that is a file. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function rules(basePath: string, error: NativeError): Translation | undefined {
  const details = { path: 'basePath', basePath, errno: error.code };
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `This process may not use a file or folder below basePath ${basePath} (${error.code}); change its owner or mode, or choose another basePath.`,
      };
    case 'ELOOP':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `There is a symbolic link below basePath ${basePath} where a file or folder should be (ELOOP); none is followed, remove it.`,
      };
    case 'EROFS':
      return {
        code: 'permission_denied',
        applied: 'no',
        details,
        message: `basePath ${basePath} is on a file system that is mounted read-only (EROFS); choose another basePath or mount it writable.`,
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        code: 'quota_exceeded',
        applied: 'no',
        details,
        message: `The disk of basePath ${basePath} is full, or the user's share of it (${error.code}); free some space or choose another basePath.`,
      };
    case 'EFBIG':
      return {
        code: 'quota_exceeded',
        applied: 'no',
        details,
        message: `A file below basePath ${basePath} would be larger than the process or the file system allows (EFBIG); raise the limit (ulimit -f) or split the value.`,
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        code: 'unavailable',
        applied: 'no',
        details,
        message: `No more files can be opened (${error.code}); raise the limit (ulimit -n), or close what the process leaves open.`,
      };
    case 'ENAMETOOLONG':
      return {
        code: 'invalid_argument',
        applied: 'no',
        details,
        message:
          "The key makes a file name that this disk does not take (ENAMETOOLONG); shorten it, or use layout 'safe'.",
      };
    case 'EXDEV':
      return {
        code: 'unsupported',
        applied: 'no',
        details,
        message: `A folder below basePath ${basePath} is a mount of another file system (EXDEV), into which nothing can be moved at once; make it a basePath of its own.`,
      };
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ESTALE':
    case 'EIO':
    case 'EBUSY':
      return {
        code: 'unavailable',
        details,
        message: `A folder or file below basePath ${basePath} went away or can't be read (${error.code}); check the disk and who else changes the folder.`,
      };
    default:
      return undefined;
  }
}

/** The only place where errors of Node become `StorageError`. */
export function filesystemTranslator(basePath: string): Translate {
  return createTranslator('filesystem', (error) => rules(basePath, error));
}

/** `ifMatch` that no longer holds. */
export function conflict(key: string): StorageError {
  return new Failure({
    code: 'conflict',
    message: 'The record does not have this etag any more; read it again.',
    key,
    applied: 'no',
  });
}

/** `ifAbsent` where a record is. */
export function alreadyExists(key: string, etag: string): StorageError {
  return new Failure({
    code: 'already_exists',
    message: 'There is a record under this key; store without ifAbsent to replace it.',
    key,
    applied: 'no',
    details: { etag },
  });
}

/** A stream whose file was replaced before it was read, or changed while it was. */
export function changedMeanwhile(key: string): StorageError {
  return new Failure({
    code: 'conflict',
    message: 'The record was replaced while it was read; read it again.',
    key,
  });
}

/** A file that is another each time it is looked at. */
export function restless(key: string): StorageError {
  return new Failure({
    code: 'unavailable',
    message:
      'The file of the record is replaced faster than it can be read, or its file system tells inodes and times anew each time; try again.',
    key,
  });
}

/** A key that the plain layout can't hold. */
export function unsafeKey(key: string, what: string): StorageError {
  return invalidArgument(
    `The key ${what}, which layout 'plain' can't store as a path; change it, or use layout 'safe'.`,
    {
      path: 'key',
      key: key.slice(0, 200),
      layout: 'plain',
    },
  );
}

/** What stands where a file or folder should be, and leads elsewhere. */
export function notOurs(name: string, what: string): StorageError {
  return new Failure({
    code: 'permission_denied',
    message: `${JSON.stringify(name)} below basePath is ${what}, which is never followed; remove it, or choose another basePath.`,
    applied: 'no',
    details: { path: 'basePath', name },
  });
}

/** The folder of everything is not what was opened any more. */
export function baseGone(basePath: string): StorageError {
  return new Failure({
    code: 'unavailable',
    message: `basePath ${basePath} was moved or removed while it was open; put it back and open a new backend.`,
    applied: 'no',
    details: { path: 'basePath', basePath },
  });
}
