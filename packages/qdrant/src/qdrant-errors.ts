import {
  createTranslator,
  describeError,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** Codes of Node's own HTTP client for a connection that ended or answered nonsense. */
const lostCodes = /^(UND_ERR_|HPE_|ECONNRESET$|EPIPE$|ETIMEDOUT$)/;

const dimensionWords = /Vector dimension error/i;

/** What Qdrant says in `status.error` of its answers; `''` when it says nothing. */
function serverWords(error: unknown): string {
  const data = (error as { readonly data?: unknown } | null)?.data;
  const status = (data as { readonly status?: unknown } | null | undefined)?.status;
  const words = (status as { readonly error?: unknown } | null | undefined)?.error;
  return typeof words === 'string' ? words : '';
}

/** The innermost error that has a code: `fetch failed` says why in its cause. */
function innermost(error: NativeError): NativeError {
  const { cause } = (error.original ?? {}) as { readonly cause?: unknown };
  if (error.code !== '' || cause === undefined || cause === null) return error;
  return innermost(describeError(cause));
}

/** Whether the server said how long to wait. */
export function hasRetryAfter(error: unknown): boolean {
  return (error as { readonly retry_after?: unknown } | null)?.retry_after !== undefined;
}

export function isRateLimited(error: unknown): boolean {
  const { name, status } = describeError(error);
  return status === 429 || name === 'QdrantClientResourceExhaustedError';
}

/** A 429 that is not waited for any longer. */
export function rateLimited(where: string, retryAfterMs: number | undefined, cause: unknown): StorageError {
  return new StorageError({
    code: 'rate_limited',
    message: `Qdrant at ${where} asks for fewer calls; make them later, or raise its limits in strict mode.`,
    applied: 'no',
    ...(retryAfterMs !== undefined && { details: { retryAfterMs } }),
    cause,
  });
}

/** Whether the connection ended before the answer, or the answer is none: the request may have been carried out. */
export function isLost(error: unknown): boolean {
  const inner = innermost(describeError(error));
  // Of some broken answers `fetch` says no more than that it failed.
  return lostCodes.test(inner.code) || (inner.code === '' && describeError(error).message === 'fetch failed');
}

/** Whether the server said that a collection of this name is there. */
export function saysAlreadyThere(error: unknown): boolean {
  const { status } = describeError(error);
  return status === 409 || (status === 400 && /already exists/i.test(serverWords(error)));
}

function refusal(words: string, where: string): Translation | undefined {
  const field = /Index required but not found for "?(.+?)"? of one of/i.exec(words)?.[1];
  if (field !== undefined)
    return {
      code: 'unsupported_filter',
      applied: 'no',
      message: `The strict mode of the collection refuses a filter on ${JSON.stringify(field)}, which has no index; declare it in \`fields\` of createCollection, or make a payload index of it.`,
      details: { path: field, backend: 'qdrant' },
    };
  // Words of strict mode are of limits and parameters alone, and end with the way out.
  if (/Help: /.test(words))
    return {
      code: 'unsupported',
      applied: 'no',
      message: `The strict mode of the collection at ${where} refuses this: ${words.slice(0, 300)}`,
    };
  if (dimensionWords.test(words))
    return {
      // What the call knew of is gone; the facade looks again when it is told so.
      code: 'not_found',
      applied: 'no',
      message: 'The collection was deleted and made again with another dimension meanwhile.',
    };
  if (/already exists/i.test(words))
    return { code: 'already_exists', applied: 'no', message: 'The collection is there already.' };
  return undefined;
}

function byStatus(status: number, words: string, where: string): Translation {
  const known = status >= 400 && status < 500 ? refusal(words, where) : undefined;
  if (known !== undefined) return known;
  switch (status) {
    case 401:
      return {
        code: 'unauthenticated',
        applied: 'no',
        message: `Qdrant at ${where} refused the credentials; check \`apiKey\`.`,
      };
    case 403:
      return {
        code: 'permission_denied',
        applied: 'no',
        message: `Qdrant at ${where} does not allow this; use an \`apiKey\` that may read and write its collections.`,
      };
    case 404:
      return {
        code: 'not_found',
        applied: 'no',
        message: `Qdrant at ${where} has no such collection; make it with createCollection.`,
      };
    case 413:
      return {
        code: 'too_large',
        applied: 'no',
        message: `Qdrant at ${where} takes no request of this size; store less at a time, or raise max_request_size_mb on the server.`,
      };
    case 408:
    case 504:
      return { code: 'timeout', message: `Qdrant at ${where} took too long; try again, or ask for less.` };
    default:
      break;
  }
  if (status >= 500) {
    if (status === 507 || /no space left|disk (is )?full/i.test(words))
      return { code: 'quota_exceeded', message: `The disk of Qdrant at ${where} is full.` };
    return { code: 'unavailable', message: `Qdrant at ${where} failed (${status}); see its log.`, details: { status } };
  }
  return {
    code: 'invalid_argument',
    applied: 'no',
    message: `Qdrant at ${where} refused the request (${status}); its words are in the cause.`,
    details: { status },
  };
}

function rules(error: NativeError, where: string): Translation | undefined {
  if (error.status !== undefined) return byStatus(error.status, serverWords(error.original), where);
  if (error.name === 'QdrantClientTimeoutError')
    return { code: 'timeout', message: `Qdrant at ${where} did not answer within the client's own timeout.` };
  const inner = innermost(error);
  const known = translateNetwork(inner);
  if (known?.applied === 'no')
    return {
      ...known,
      message: `Qdrant at ${where} can't be reached (${inner.code}); check \`url\` and that it runs.`,
    };
  if (/^UND_ERR_CONNECT_TIMEOUT$/.test(inner.code))
    return {
      code: 'unavailable',
      applied: 'no',
      message: `Qdrant at ${where} can't be reached; check \`url\` and that it runs.`,
    };
  if (/^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|EPROTO)/.test(inner.code))
    return {
      code: 'unavailable',
      applied: 'no',
      retryable: false,
      message: `No TLS connection to Qdrant at ${where} can be made (${inner.code}); check \`url\` and its certificate.`,
    };
  if (isLost(error.original))
    return {
      code: 'unavailable',
      message: `The connection to Qdrant at ${where} was lost${inner.code && ` (${inner.code})`}.`,
    };
  if (error.name === 'SyntaxError')
    return {
      code: 'unavailable',
      message: `What answers at ${where} is not Qdrant, or was cut short; check \`url\` and what stands between.`,
    };
  return known;
}

/** Translates what the client throws. */
export function qdrantTranslator(where: string): Translate {
  return createTranslator('qdrant', (error) => rules(error, where));
}

/** Whether the server said that there is no such collection, or that it is another than it was. */
export function isGone(error: unknown): boolean {
  return describeError(error).status === 404 || dimensionWords.test(serverWords(error));
}
