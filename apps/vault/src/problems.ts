import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { isStorageError, type StorageErrorCode } from '@storage/core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

/** The status that an error of the stores has on the wire. The only such table. */
const statusByCode: { readonly [code in StorageErrorCode]: number } = {
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  expired: 410,
  invalid_argument: 400,
  invalid_state: 409,
  unsupported: 501,
  unsupported_filter: 400,
  scan_limit: 400,
  too_large: 413,
  quota_exceeded: 507,
  rate_limited: 429,
  permission_denied: 403,
  unauthenticated: 401,
  tenant_required: 400,
  not_registered: 500,
  not_initialized: 503,
  closed: 503,
  aborted: 503,
  timeout: 504,
  unavailable: 503,
  corrupt: 500,
  version_mismatch: 500,
  internal: 500,
};

/** Codes of problems that only HTTP has. */
export type ProblemCode =
  | StorageErrorCode
  | 'precondition_failed'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'bad_request';

/** What is wrong with a request, as it is answered (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: ProblemCode;

  constructor(status: number, code: ProblemCode, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export function notFound(kind: string, id: string): Problem {
  return new Problem(404, 'not_found', `There is no ${kind} '${id}'.`);
}

export function badRequest(detail: string): Problem {
  return new Problem(400, 'invalid_argument', detail);
}

/** What Fastify itself refuses, by its status. */
const codeByStatus: { readonly [status: number]: ProblemCode } = {
  400: 'invalid_argument',
  404: 'not_found',
  413: 'too_large',
  414: 'too_large',
  415: 'unsupported_media_type',
  503: 'unavailable',
};

/** What Fastify says without a mend. */
const details: { readonly [status: number]: string } = {
  413: 'The body is larger than the Vault takes; send less, or raise MAX_BODY_BYTES.',
  415: 'The body must be JSON; send it with content-type: application/json.',
};

const parts: { readonly [context: string]: string } = {
  body: 'the body',
  querystring: 'the query',
  params: 'the path',
  headers: 'the headers',
};

/** `metadata.source in the body must be string.` */
function validationDetail(error: FastifyError): string {
  const first = error.validation?.[0];
  const part = parts[error.validationContext ?? 'body'] ?? 'the request';
  const place = first?.instancePath?.slice(1).replaceAll('/', '.');
  const subject = place ? `${place} in ${part}` : `${part.charAt(0).toUpperCase()}${part.slice(1)}`;
  return `${subject} ${first?.message ?? 'is not valid'}.`;
}

/** What an error is to the client. Nothing of an error that is not meant for clients gets out. */
function toProblem(error: FastifyError | Error): Problem {
  if ('status' in error && error.name === 'Problem') return error as Problem;
  if (isStorageError(error)) return new Problem(statusByCode[error.code], error.code, error.message);
  const { statusCode, code, validation } = error as FastifyError;
  if (validation !== undefined) return new Problem(400, 'invalid_argument', validationDetail(error as FastifyError));
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && code?.startsWith('FST_')) {
    return new Problem(statusCode, codeByStatus[statusCode] ?? 'bad_request', details[statusCode] ?? error.message);
  }
  // Fastify hands on what JSON.parse and its guard against poisoned prototypes throw.
  if (statusCode === 400) return new Problem(400, 'invalid_argument', 'The body is not JSON that is accepted here.');
  return new Problem(500, 'internal', 'Something went wrong in the Vault; its log tells more.');
}

const problemType = 'application/problem+json';

function problemText({ status, code, message }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: message, code });
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type(problemType).send(problemText(problem));
}

/** What is wrong with bytes that are no request. */
function connectionProblem(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem(408, 'timeout', 'The request took too long to arrive.');
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem(431, 'too_large', 'The headers are too large; send less.');
  return new Problem(400, 'bad_request', 'This is no HTTP/1.1 request that can be read.');
}

/** Answers what could not be read as a request, and ends the connection. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) {
    const problem = connectionProblem(error.code);
    const text = problemText(problem);
    socket.write(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: ${problemType}\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    );
  }
  socket.destroy(error);
}

/** Answers an error as a problem, and logs what is the Vault's own fault. */
export function handleError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error);
  const { method, routeOptions, id } = request;
  const about = { request: id, method, path: routeOptions.url, status: problem.status, code: problem.code };
  if (problem.status >= 500) request.log.error({ ...about, err: error }, 'a request failed');
  else request.log.debug(about, problem.message);
  return sendProblem(reply, problem);
}
