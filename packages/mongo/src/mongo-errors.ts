import {
  asUnknown,
  createTranslator,
  describeError,
  type ErrorSite,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { isStorageError, type StorageError } from '@storage/core';

function rule(code: Translation['code'], message: string, more: Partial<Translation> = {}): Translation {
  return { code, message, ...more };
}

const refused = rule(
  'unauthenticated',
  'The server refused the credentials; check the user, the password and `authSource` in `url`.',
  { applied: 'no' },
);
const unreachable = rule(
  'unavailable',
  'No server that takes the call is to be reached; check the hosts and `replicaSet` in `url`, and that the server runs and has a primary.',
  { applied: 'no' },
);
const lost = rule('unavailable', 'The connection to the server was lost.');
const steppedDown = rule('unavailable', 'The server is not the primary any more, or is shutting down. Try again.');
const tooLarge = rule(
  'too_large',
  'The record is larger than the 16 MiB that the server holds in one document; store it as bytes, or split it.',
  { applied: 'no' },
);
const badUrl = rule(
  'invalid_argument',
  '`url` is not a connection string that the driver reads; check its hosts and parameters, and encode special characters in user and password.',
  { applied: 'no' },
);
const concern = rule(
  'invalid_argument',
  'The server can not give the write concern that was asked for; check `writeConcern`.',
);

/** What the server's codes mean. */
const byCode: { readonly [code: string]: Translation } = {
  '18': refused,
  '8000': refused,
  '11': refused,
  '13': rule(
    'permission_denied',
    'The user of `url` may not do this in the database; grant it the role readWrite on `database`, or connect as another.',
    { applied: 'no' },
  ),
  '50': rule('timeout', 'The server ended the call when its time was over.'),
  '24': rule('unavailable', 'The server waited too long for a lock. Try again.', { applied: 'no' }),
  '46': rule('unavailable', 'The server waited too long for a lock. Try again.', { applied: 'no' }),
  '112': rule('unavailable', 'Another writer was at the same record; nothing was applied. Try again.', {
    applied: 'no',
  }),
  '251': rule('unavailable', 'The server has ended the transaction; nothing of it was applied. Try again.', {
    applied: 'no',
  }),
  '121': rule(
    'invalid_argument',
    'The collection has a validator, which refuses records; name another `collection`, or take the validator away.',
    { applied: 'no' },
  ),
  '166': rule('invalid_argument', '`collection` names a view, which takes no records; name another.', {
    applied: 'no',
  }),
  '73': rule('invalid_argument', 'The server refuses the name; check `database` and `collection`.', { applied: 'no' }),
  '8': rule('quota_exceeded', 'The server has no room left for it; raise the quota, or delete something.', {
    applied: 'no',
  }),
  '14031': rule('quota_exceeded', 'The disk of the server is full; free space on it.', { applied: 'no' }),
  '2': tooLarge,
  '10334': tooLarge,
  '17419': tooLarge,
  '17420': tooLarge,
  '17280': rule('too_large', 'A value is too large for an index of `fields`; declare fewer, or shorten it.', {
    applied: 'no',
  }),
  '64': rule(
    'unavailable',
    'The write is there, but was not acknowledged in time by as many servers as `writeConcern` asks for.',
  ),
  '100': concern,
  '79': concern,
  '91': steppedDown,
  '189': steppedDown,
  '10107': steppedDown,
  '11600': steppedDown,
  '11602': steppedDown,
  '13435': steppedDown,
  '13436': steppedDown,
};

/** What the driver's own errors mean. */
const byName: { readonly [name: string]: Translation } = {
  MongoParseError: badUrl,
  MongoMissingCredentialsError: refused,
  MongoServerSelectionError: unreachable,
  MongooseServerSelectionError: unreachable,
  MongoWaitQueueTimeoutError: rule(
    'unavailable',
    'No connection was free in time; raise `poolSize`, or ask for less at once.',
    { applied: 'no' },
  ),
  MongoPoolClearedError: { ...lost, applied: 'no' },
  MongoPoolClosedError: { ...lost, applied: 'no' },
  MongoNotConnectedError: { ...lost, applied: 'no' },
  MongoTopologyClosedError: { ...lost, applied: 'no' },
  MongoClientClosedError: { ...lost, applied: 'no' },
  MongoNetworkError: lost,
  MongoNetworkTimeoutError: lost,
  PoolClearedOnNetworkError: lost,
  MongoUnexpectedServerResponseError: lost,
  MongoDecompressionError: lost,
  BSONError: lost,
  BSONRuntimeError: lost,
};

/** What the driver wrapped: a bulk that never got an answer. */
function inner({ name, code, original }: NativeError): NativeError | undefined {
  if (name !== 'MongoBulkWriteError' || code !== '') return undefined;
  const { errorResponse } = original as { readonly errorResponse?: unknown };
  return errorResponse === undefined ? undefined : describeError(errorResponse);
}

const contended = byCode['112'];

function rules(error: NativeError, site: Pick<ErrorSite, 'operation'>): Translation | undefined {
  const wrapped = inner(error);
  if (wrapped !== undefined) return rules(wrapped, site);
  const known = isContended(error) ? contended : byCode[error.code];
  // Codes of the server alone: 2 is its word for any value that it can't take.
  if (known !== undefined && (known !== tooLarge || /larger than|too large|MaxDocumentSize/i.test(error.message)))
    return { ...known, details: { mongo: Number(error.code) } };
  if (error.name === 'MongoInvalidArgumentError' && /larger than/i.test(error.message)) return tooLarge;
  if (error.name === 'MongoRuntimeError' && error.message.startsWith('Unable to parse')) return badUrl;
  // The driver has one name for a connection string and for a reply that it can't read.
  if (error.name === 'MongoParseError' && (site.operation !== 'open' || error.message.startsWith('Message')))
    return lost;
  return byName[error.name] ?? translateNetwork(error);
}

/** The only place where native errors become `StorageError`. */
export const translateMongo: Translate = createTranslator('mongo', rules);

/**
 * The translation for a store whose driver sends writes again. The second attempt may fail with what says that nothing was sent,
 * and the driver then says nothing of the first.
 */
export function translateFor(store: { readonly resends: boolean } | undefined): Translate {
  if (!store?.resends) return translateMongo;
  return (error, site) => {
    const told = translateMongo(error, site);
    const ofDriver = !isStorageError(error) && told.code === 'unavailable' && told.details?.['mongo'] === undefined;
    return site.write && ofDriver ? asUnknown(told) : told;
  };
}

/** A later step of a write failed, of which earlier ones took effect. */
export function halfDone(error: unknown, operation: string): StorageError {
  return asUnknown(translateMongo(error, { operation, key: undefined, write: true }));
}

/** Whether the server has undone an operation because others were at the same documents: it may be tried again. FerretDB says so in words. */
export function isContended(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  // The operation was undone, the whole of which it was a step was not.
  if (isStorageError(error) && error.applied === 'unknown') return false;
  if ('code' in error && String(error.code) === '112') return true;
  const text = 'errmsg' in error ? error.errmsg : 'message' in error && error.message;
  if (/deadlock detected|could not serialize access/.test(String(text))) return true;
  return 'cause' in error && isContended(error.cause);
}

/** Whether a document of this id is there already. FerretDB says so in another way where the write was a find-and-modify. */
export function isDuplicate(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  if (error.code === 11000) return true;
  return error.code === 1 && 'message' in error && /duplicate key value/.test(String(error.message));
}
