import { assertText, type CommonOptions } from '@storage/core';
import type { PgvectorClient } from './pgvector-client.ts';

/** Options of `createPgvector`. */
export interface PgvectorOptions extends CommonOptions {
  /** Where the server is. Missing: `pgvector://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: PgvectorClient | undefined;
}

/** Options, checked and complete. */
export interface PgvectorSettings {
  readonly url: string;
  readonly client: PgvectorClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function pgvectorSettings(options: PgvectorOptions): PgvectorSettings {
  const { url = 'pgvector://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
