import { assertText, type CommonOptions } from '@storage/core';
import type { PostgresClient } from './postgres-client.ts';

/** Options of `createPostgres`. */
export interface PostgresOptions extends CommonOptions {
  /** Where the server is. Missing: `postgres://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: PostgresClient | undefined;
}

/** Options, checked and complete. */
export interface PostgresSettings {
  readonly url: string;
  readonly client: PostgresClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function postgresSettings(options: PostgresOptions): PostgresSettings {
  const { url = 'postgres://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
