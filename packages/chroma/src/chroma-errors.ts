import {
  createTranslator,
  describeError,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';

const lost = 'The connection to the server was lost before it answered.';

/** The names of the npm client's errors as the statuses that they stand for. */
const statuses: { readonly [name: string]: number } = {
  ChromaClientError: 400,
  ChromaUnauthorizedError: 401,
  ChromaForbiddenError: 403,
  ChromaNotFoundError: 404,
  ChromaUniqueError: 409,
  ChromaQuotaExceededError: 422,
  ChromaRateLimitError: 429,
  ChromaServerError: 500,
};

function statusOf(error: NativeError): number | undefined {
  return error.status ?? statuses[error.name];
}

/** Whether the server has no such collection. */
export function isMissing(error: unknown): boolean {
  return isStorageError(error, 'not_found') || statusOf(describeError(error)) === 404;
}

/** Whether the server has one of that name already. */
export function isTaken(error: unknown): boolean {
  return statusOf(describeError(error)) === 409;
}

function refused(message: string): Translation {
  if (/dimension/i.test(message)) {
    return {
      code: 'invalid_state',
      applied: 'no',
      message:
        'The server keeps vectors of another dimension in this collection; it was made again meanwhile, or something else wrote to it.',
    };
  }
  if (/quota|billing limit/i.test(message)) return quota;
  return {
    code: 'internal',
    applied: 'no',
    message: 'The server refused the request as one that it does not understand; see the cause.',
  };
}

const quota: Translation = {
  code: 'quota_exceeded',
  applied: 'no',
  message: "The server's quota is used up; raise it, or store less (fewer and smaller metadata count too).",
};

const tooLarge: Translation = {
  code: 'too_large',
  applied: 'no',
  message: 'The server takes no request of this size; raise its `max_payload_size_bytes`, or store smaller documents.',
};

function byStatus(status: number, error: NativeError): Translation | undefined {
  const { message } = error;
  switch (status) {
    case 400:
    case 422:
      return refused(message);
    case 401:
      return {
        code: 'unauthenticated',
        applied: 'no',
        message: 'The server refused the credentials; check `authToken` (or CHROMA_AUTH_TOKEN).',
      };
    case 403:
      return {
        code: 'permission_denied',
        applied: 'no',
        message: 'The credentials may not do this; check `authToken`, `tenant` and `database`.',
      };
    case 404:
      return {
        code: 'not_found',
        applied: 'no',
        message: 'The server has no such collection, tenant or database; check `url`, `tenant` and `database`.',
      };
    case 409:
      return { code: 'already_exists', applied: 'no', message: 'The server has one of that name already.' };
    case 413:
      return tooLarge;
    case 429: {
      const { retryAfterMs } = error.original as { readonly retryAfterMs?: number };
      return {
        code: 'rate_limited',
        applied: 'no',
        message: 'The server asks for fewer requests; try again later.',
        details: retryAfterMs === undefined ? {} : { retryAfterMs },
      };
    }
    default:
      break;
  }
  // The npm client tells it by its text alone.
  if (/^(413\b|Payload too large)/.test(message)) return tooLarge;
  return status >= 500
    ? { code: 'unavailable', message: 'The server failed to carry out the request; see the cause, and its log.' }
    : undefined;
}

/** What `fetch` says when there is no answer: its reason is the cause. */
function network(error: NativeError): Translation | undefined {
  const { cause } = (error.original ?? {}) as { readonly cause?: unknown };
  const known = translateNetwork(cause === undefined ? error : describeError(cause));
  if (known?.applied === 'no')
    return {
      ...known,
      message: "The server can't be reached; check `host` and `port`, or `url` (CHROMA_URL), and that it runs.",
    };
  if (known !== undefined) return known;
  const told = error.name === 'TypeError' && /fetch failed|terminated/.test(error.message);
  return told || error.name === 'ChromaConnectionError' ? { code: 'unavailable', message: lost } : undefined;
}

/** The engine's words and those of its client. What is not known here is `internal`, with the original as its cause. */
function rules(error: NativeError): Translation | undefined {
  const status = statusOf(error);
  const known = status === undefined ? undefined : byStatus(status, error);
  if (known !== undefined) return known;
  if (error.name === 'SyntaxError')
    return {
      code: 'unavailable',
      message:
        'What came back was no answer of Chroma; check that `host` and `port`, or `url`, are those of a Chroma server.',
    };
  return network(error);
}

/** The only place where errors of Chroma, its client and `fetch` become a `StorageError`. */
export const translateChroma: Translate = createTranslator('chroma', rules);

/** A write to what another program made. */
export function notOurs(name: string): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message: `Collection ${name} was made by something else than this library: it can be read, searched and deleted, not written. Make one of another name and store what you read from it.`,
    applied: 'no',
    details: { collection: name },
  });
}

/** A collection of others of which not even the dimension is known. */
export function unknowable(name: string): StorageError {
  return new StorageError({
    code: 'invalid_state',
    message: `Collection ${name} was made by something else than this library and is empty, so its dimension is not known yet; delete it, or use another name.`,
    details: { collection: name },
  });
}
