import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { HealthReport, Page } from '@storage/core';
import type { ArtifactStore, ConversationStore, KeyValueStore, MetricStore, StateStore } from '@storage/domain';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { isUnchanged, quoteEtag } from './conditions.ts';
import { badRequest } from './problems.ts';
import { ProblemDetails } from './schemas.ts';
import { listText } from './wire.ts';

/** The server, typed by its schemas. */
export type VaultServer = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the Vault is a face of. The StorageManager is one. */
export interface VaultStores {
  readonly conversations: ConversationStore;
  readonly state: StateStore;
  readonly artifacts: ArtifactStore;
  readonly metrics: MetricStore;
  readonly kv: KeyValueStore;
  healthCheck(): Promise<HealthReport>;
}

const json = 'application/json; charset=utf-8';
const problems = { description: 'What was wrong', content: { 'application/problem+json': { schema: ProblemDetails } } };

/** The answers of a route, for the OpenAPI document. */
export function answers(status: 200 | 201 | 204, schema: TSchema | undefined): { readonly [status: string]: unknown } {
  const good = schema === undefined ? { description: 'Done', type: 'null' } : schema;
  return { [status]: good, '4xx': problems, '5xx': problems };
}

/** JSON text as the answer; a handler returns it, and it is sent as it is. */
export function sendText(reply: FastifyReply, status: number, text: string): string {
  reply.code(status).header('content-type', json);
  return text;
}

/** An answer without content. */
export function sendNothing(reply: FastifyReply, status: 204 | 304): undefined {
  reply.code(status);
}

/** A document that was read as the answer, or that the client has it. */
export function sendRead(request: FastifyRequest, reply: FastifyReply, etag: string, text: string): string | undefined {
  reply.header('etag', quoteEtag(etag));
  const { headers } = request;
  if ((headers['if-none-match'] !== undefined || headers['if-match'] !== undefined) && isUnchanged(headers, etag)) {
    return sendNothing(reply, 304);
  }
  return sendText(reply, 200, text);
}

/** A document that was written as the answer. */
export function sendWritten(reply: FastifyReply, status: 200 | 201, etag: string, text: string): string {
  return sendText(reply.header('etag', quoteEtag(etag)), status, text);
}

/** A page as the answer, a bare array; where the next one is stands in the Link header. */
export function sendPage<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Page<T>,
  text: (item: T) => string,
): string {
  if (page.cursor !== undefined) {
    const [path = '', query = ''] = request.url.split('?', 2);
    const parameters = new URLSearchParams(query);
    parameters.set('cursor', page.cursor);
    reply.header('link', `<${path}?${parameters}>; rel="next"`);
  }
  return sendText(reply, 200, listText(page.items, text));
}

/** Refuses a body that names another document than the path. */
export function assertSameKey(field: string, inBody: string | undefined, inPath: string): void {
  if (inBody !== undefined && inBody !== inPath) {
    throw badRequest(`${field} in the body is another than in the path; leave it out, or give the same.`);
  }
}

/** A moment as it stands in a request, in UTC unless it says otherwise. */
export function readMoment(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined;
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text.slice(10)) || text.length === 10;
  const date = new Date(zoned ? text : `${text}Z`);
  if (Number.isNaN(date.getTime()))
    throw badRequest(`${field} is no moment that exists; write it as 2026-01-31T12:00:00Z.`);
  return date;
}
