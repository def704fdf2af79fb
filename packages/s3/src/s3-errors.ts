import {
  createTranslator,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';
import type { S3Settings } from './s3-options.ts';

type Rule = Omit<Translation, 'details'>;

/** What S3 servers say, by their code. The names of options stand in the messages, values of them only where they are no secret. */
function knownCodes({ bucket, region, host }: S3Settings): { readonly [code: string]: Rule } {
  const unsigned: Rule = {
    code: 'unauthenticated',
    message: 'The server does not know this access key; check `accessKeyId` and `endpoint`.',
  };
  const misplaced: Rule = {
    code: 'invalid_argument',
    message: `The bucket ${bucket} is not in the region ${region}; set \`region\` to its own.`,
  };
  const denied: Rule = {
    code: 'permission_denied',
    message: `The credentials may not do this in the bucket ${bucket}; extend their policy, or check \`accessKeyId\` and \`bucketName\`.`,
  };
  const taken: Rule = {
    code: 'permission_denied',
    message: `The bucket ${bucket} belongs to somebody else; choose another \`bucketName\`.`,
  };
  const slow: Rule = {
    code: 'rate_limited',
    applied: 'no',
    message: 'The server asks for fewer requests; try again later.',
  };
  const full: Rule = {
    code: 'quota_exceeded',
    message: `There is no room left for the bucket ${bucket}; raise its quota or free space.`,
  };
  const tls: Rule = {
    code: 'unavailable',
    retryable: false,
    applied: 'no',
    message: `${host} does not speak TLS as asked; check \`secure\` and \`endpoint\`.`,
  };
  const noHttp: Rule = {
    code: 'unavailable',
    message: `${host} does not answer as an S3 server; check \`endpoint\` and \`secure\`.`,
  };
  return {
    InvalidAccessKeyId: unsigned,
    UnknownAccessKeyId: unsigned,
    SignatureDoesNotMatch: {
      code: 'unauthenticated',
      message: 'The signature is wrong; check `secretAccessKey`, and that nothing between changes the requests.',
    },
    InvalidToken: { code: 'unauthenticated', message: 'The session token is wrong; check `sessionToken`.' },
    ExpiredToken: {
      code: 'unauthenticated',
      message: 'The session token has expired; renew `sessionToken` and the keys.',
    },
    RequestTimeTooSkewed: {
      code: 'unauthenticated',
      message: "This machine's clock and the server's differ too much for signatures to hold; set the clock.",
    },
    AccessDenied: denied,
    AllAccessDisabled: denied,
    AccountProblem: denied,
    MethodNotAllowed: denied,
    NoSuchBucket: {
      code: 'not_found',
      message: `There is no bucket ${bucket}; make it, or leave \`autoCreate\` on and open again.`,
    },
    BucketAlreadyExists: taken,
    BucketAlreadyOwnedByYou: taken,
    PermanentRedirect: misplaced,
    MovedPermanently: misplaced,
    TemporaryRedirect: misplaced,
    AuthorizationHeaderMalformed: misplaced,
    IllegalLocationConstraintException: misplaced,
    InvalidRegion: misplaced,
    EntityTooLarge: { code: 'too_large', message: 'The value is over the largest object of this server; split it.' },
    MetadataTooLarge: {
      code: 'too_large',
      message: 'The metadata is over what this server takes; keep it in the data.',
    },
    KeyTooLongError: {
      code: 'too_large',
      message: 'The name of the object is too long for this server; shorten `prefix`, namespace or key.',
    },
    QuotaExceeded: full,
    XMinioAdminBucketQuotaExceeded: full,
    XMinioStorageFull: full,
    InsufficientStorage: full,
    SlowDown: slow,
    SlowDownRead: slow,
    SlowDownWrite: slow,
    ServiceUnavailable: slow,
    TooManyRequests: slow,
    InternalError: { code: 'unavailable', message: 'The server failed in the middle of the request.' },
    NoSuchUpload: {
      code: 'unavailable',
      applied: 'no',
      message: 'The upload was ended by another, perhaps by a rule of the bucket; send the stream again.',
    },
    OperationAborted: {
      code: 'unavailable',
      message: `The bucket ${bucket} is being made or removed by another; try again.`,
    },
    EPROTO: tls,
    ERR_SSL_WRONG_VERSION_NUMBER: tls,
    DEPTH_ZERO_SELF_SIGNED_CERT: tls,
    SELF_SIGNED_CERT_IN_CHAIN: tls,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: tls,
    ERR_TLS_CERT_ALTNAME_INVALID: tls,
    CERT_HAS_EXPIRED: tls,
    HPE_INVALID_CONSTANT: noHttp,
    HPE_INVALID_HEADER_TOKEN: noHttp,
    UnknownError: noHttp,
  };
}

function retryAfterOf(original: unknown): { readonly retryAfterMs: number } | undefined {
  const value: unknown = Reflect.get(Object(original), 'retryAfterMs');
  return typeof value === 'number' ? { retryAfterMs: value } : undefined;
}

function rules(known: { readonly [code: string]: Rule }, error: NativeError): Translation | undefined {
  const rule = Object.hasOwn(known, error.code) ? known[error.code] : undefined;
  if (rule === undefined) {
    if (error.code.startsWith('HPE_') || error.name === 'InvalidXMLError') return known['UnknownError'];
    if (error.status !== undefined && error.status >= 500) return known['InternalError'];
    return translateNetwork(error);
  }
  return { ...rule, details: { s3: error.code, ...retryAfterOf(error.original) } };
}

/** The only place where native errors become `StorageError`. */
export function s3Translator(settings: S3Settings): Translate {
  const known = knownCodes(settings);
  return createTranslator('s3', (error) => rules(known, error));
}

/** A write whose answer was lost, where somebody has written since. */
export function lostAnswer(key: string): StorageError {
  return new StorageError({
    code: 'unavailable',
    message: 'The answer to the write was lost, and the record has changed since; read it again.',
    key,
    applied: 'unknown',
  });
}

/** A record that was replaced or deleted while it was read in pieces. */
export function replaced(key: string): StorageError {
  return new StorageError({
    code: 'conflict',
    message: 'The record was replaced while it was read; read it again.',
    key,
  });
}
