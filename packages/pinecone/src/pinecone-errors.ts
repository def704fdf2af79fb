import {
  createTranslator,
  type ErrorSite,
  type NativeError,
  type Translate,
  type Translation,
  translateNetwork,
} from '@storage/backend-kit';
import { isStorageError, StorageError } from '@storage/core';

/** An answer of Pinecone that is no success. */
export interface Refusal {
  readonly status: number;
  /** The vendor's word for it: `QUOTA_EXCEEDED`; `''` when there is none. */
  readonly reason: string;
  /** The vendor's message, for the cause alone: it may repeat what was sent. */
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

/** What a body says of a refusal: the control plane nests it, the data plane does not. */
export function readRefusal(status: number, body: string, retryAfterMs: number | undefined): Refusal {
  let reason = '';
  let text = body.slice(0, 2000);
  try {
    const parsed = JSON.parse(body) as { readonly message?: unknown; readonly error?: unknown } | null;
    const inner = (typeof parsed?.error === 'object' ? parsed.error : parsed) as {
      readonly code?: unknown;
      readonly message?: unknown;
    } | null;
    if (typeof inner?.code === 'string') reason = inner.code;
    if (typeof inner?.message === 'string') text = inner.message;
  } catch (error) {
    // A gateway answers in plain text, which stays the text.
    if (!(error as { name?: unknown } | null)?.name) throw error;
  }
  return { status, reason, text, retryAfterMs };
}

/** Whether waiting does not help: an allowance is used up until it is renewed or raised. */
function isQuota({ reason, text }: Refusal): boolean {
  return reason === 'QUOTA_EXCEEDED' || /for the current month|max (?:serverless )?indexes|quota/i.test(text);
}

function forbidden(refusal: Refusal): Translation {
  if (/deletion protection/i.test(refusal.text))
    return {
      code: 'permission_denied',
      message: 'The index has deletion protection; disable it in the console, then delete the collection again.',
    };
  return isQuota(refusal)
    ? { code: 'quota_exceeded', message: 'A quota of the project is used up; raise it, or delete what is not needed.' }
    : { code: 'permission_denied', message: 'The API key may not do this; give it the role that it needs.' };
}

function tooMany(refusal: Refusal): Translation {
  if (isQuota(refusal))
    return {
      code: 'quota_exceeded',
      message: "The project's allowance is used up; upgrade the plan, or wait until it is renewed.",
    };
  const { retryAfterMs } = refusal;
  return {
    code: 'rate_limited',
    message: 'Pinecone asked for fewer requests, and waiting did not help; send fewer at a time, or raise `timeoutMs`.',
    details: retryAfterMs === undefined ? undefined : { retryAfterMs },
  };
}

function explain(refusal: Refusal): Translation {
  const { status, reason } = refusal;
  const shown = reason === '' ? String(status) : `${status} ${reason}`;
  switch (status) {
    case 401:
      return { code: 'unauthenticated', message: 'Pinecone refused the key; check `apiKey` (or PINECONE_API_KEY).' };
    case 402:
      return { code: 'quota_exceeded', message: 'Pinecone wants a payment first; look into the console.' };
    case 403:
      return forbidden(refusal);
    case 404:
      return { code: 'not_found', message: 'Pinecone has no index or namespace of this name.' };
    case 409:
      return { code: 'already_exists', message: 'Pinecone has an index or namespace of this name already.' };
    case 412:
      return { code: 'invalid_state', message: 'The index is not in a state that allows this; see the cause.' };
    case 413:
      return { code: 'too_large', message: 'The request is larger than Pinecone takes; see the cause.' };
    case 429:
      return tooMany(refusal);
    default:
      return status >= 500
        ? { code: 'unavailable', message: `Pinecone failed to answer (${shown}); try again in a moment.` }
        : { code: 'invalid_argument', message: `Pinecone refused the request (${shown}); see the cause.` };
  }
}

/** The error of an answer that is no success. A refusal was not carried out; what comes after a 5xx nobody knows. */
export function refusalError(refusal: Refusal, write: boolean): StorageError {
  const { code, message, details } = explain(refusal);
  return new StorageError({
    code,
    message,
    applied: write ? (refusal.status >= 500 ? 'unknown' : 'no') : undefined,
    details: { status: refusal.status, ...details },
    cause: new Error(refusal.text),
  });
}

/** The innermost code of a failed connection: `fetch` wraps it. */
function innerCode(error: unknown): string {
  let inner = error;
  for (let depth = 0; depth < 5 && typeof inner === 'object' && inner !== null; depth++) {
    const { code, cause, errors } = inner as { code?: unknown; cause?: unknown; errors?: unknown };
    if (typeof code === 'string') return code;
    inner = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return '';
}

/** The error of a request that got no answer. */
export function connectionError(error: unknown, write: boolean, timedOutMs: number | undefined): StorageError {
  const code = innerCode(error);
  const known = translateNetwork({ name: '', message: '', code, status: undefined, original: error });
  const never = known?.applied === 'no' || code === 'UND_ERR_CONNECT_TIMEOUT';
  return new StorageError({
    code: 'unavailable',
    message: never
      ? `Pinecone can't be reached (${code}); check \`controllerUrl\` (or PINECONE_CONTROLLER_URL) and the network.`
      : timedOutMs === undefined
        ? `The connection to Pinecone was lost before it answered${code && ` (${code})`}.`
        : `Pinecone did not answer within ${timedOutMs} ms; raise \`requestTimeoutMs\`, or try again.`,
    applied: write ? (never ? 'no' : 'unknown') : undefined,
    cause: error,
  });
}

const garbage = 'What came back was no answer of Pinecone; check `controllerUrl` and what stands between.';

/** The error of an answer that is no JSON. */
export function garbageError(cause: unknown, write: boolean): StorageError {
  return new StorageError({ code: 'unavailable', message: garbage, applied: write ? 'unknown' : undefined, cause });
}

function rules(error: NativeError): Translation | undefined {
  if (error.name === 'SyntaxError' || error.name === 'TypeError') return { code: 'unavailable', message: garbage };
  return translateNetwork(error);
}

const translate = createTranslator('pinecone', rules);

/** The only place where errors of Pinecone and its SDK become a `StorageError`. The SDK wraps those of the transport. */
export const translatePinecone: Translate = (error: unknown, site: ErrorSite): StorageError => {
  let inner = error;
  for (let depth = 0; depth < 5 && typeof inner === 'object' && inner !== null; depth++) {
    if (isStorageError(inner)) return inner;
    inner = (inner as { readonly cause?: unknown }).cause;
  }
  return translate(error, site);
};
