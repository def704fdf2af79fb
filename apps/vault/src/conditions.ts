import type { IncomingHttpHeaders } from 'node:http';
import { isStorageError } from '@storage/core';
import { badRequest, Problem } from './problems.ts';

/** Entity tags of a header, without their quotes; `*` for any. */
type Tags = '*' | readonly { readonly etag: string; readonly weak: boolean }[];

/** A tag as it stands in a header. */
export function quoteEtag(etag: string): string {
  return `"${etag}"`;
}

function readTags(header: string | undefined, name: string): Tags | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  const tags = [...header.matchAll(/\s*(W\/)?"([^"]*)"\s*(?:,|$)/gy)];
  const length = tags.reduce((sum, [text]) => sum + text.length, 0);
  if (tags.length === 0 || length !== header.length) {
    throw badRequest(`${name} must be * or a list of entity tags in double quotes, as the ETag header has them.`);
  }
  return tags.map(([, weak, etag = '']) => ({ etag, weak: weak !== undefined }));
}

/** If-Match compares strongly: a weak tag never matches. */
function matchesStrongly(tags: Tags, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  return tags === '*' || tags.some((tag) => !tag.weak && tag.etag === etag);
}

function matchesWeakly(tags: Tags, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  return tags === '*' || tags.some((tag) => tag.etag === etag);
}

function preconditionFailed(): Problem {
  return new Problem(
    412,
    'precondition_failed',
    'The document is not in the state that the condition names; read it again.',
  );
}

/** Whether a read is answered by 304, for the client has it. A lost If-Match is a problem. */
export function isUnchanged(headers: IncomingHttpHeaders, etag: string): boolean {
  const match = readTags(headers['if-match'], 'If-Match');
  if (match !== undefined && !matchesStrongly(match, etag)) throw preconditionFailed();
  const noneMatch = readTags(headers['if-none-match'], 'If-None-Match');
  return noneMatch !== undefined && matchesWeakly(noneMatch, etag);
}

/** On what a store makes a write depend. */
interface StoreCondition {
  readonly ifMatch?: string;
  readonly ifAbsent?: true;
}

export interface ConditionalWrite<T> {
  readonly headers: IncomingHttpHeaders;
  /** The document's etag now; `undefined` when there is none. */
  readonly readEtag: () => Promise<string | undefined>;
  /** Whether the write makes the document when it is not there. If not, the write itself answers that it is missing. */
  readonly creates: boolean;
  readonly write: (condition: StoreCondition) => Promise<T>;
}

const unconditional: StoreCondition = Object.freeze({});
/** How often a condition that several states fulfil is tried while others write. */
const maxAttempts = 10;

/** Carries out a write under the conditions of its request. The store checks them in the statement that writes. */
export async function writeConditionally<T>(request: ConditionalWrite<T>): Promise<T> {
  const { headers, write } = request;
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return write(unconditional);
  const match = readTags(headers['if-match'], 'If-Match');
  const noneMatch = readTags(headers['if-none-match'], 'If-None-Match');
  const [only] = match === '*' || match === undefined ? [] : match;
  if (match?.length === 1 && only !== undefined && !only.weak && noneMatch === undefined) {
    return orFailed(write({ ifMatch: only.etag }));
  }
  for (let attempt = 1; ; attempt++) {
    const etag = await request.readEtag();
    if (etag === undefined && !request.creates) return write(unconditional);
    if (match !== undefined && !matchesStrongly(match, etag)) throw preconditionFailed();
    if (noneMatch !== undefined && matchesWeakly(noneMatch, etag)) throw preconditionFailed();
    try {
      return await write(etag === undefined ? { ifAbsent: true } : { ifMatch: etag });
    } catch (error) {
      if (!isLost(error)) throw error;
      if (attempt === maxAttempts) throw preconditionFailed();
    }
  }
}

function isLost(error: unknown): boolean {
  return isStorageError(error, 'conflict') || isStorageError(error, 'already_exists');
}

async function orFailed<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    throw isLost(error) ? preconditionFailed() : error;
  }
}
