import { assertText, type CommonOptions } from '@storage/core';
import type { MongoClient } from './mongo-client.ts';

/** Options of `createMongo`. */
export interface MongoOptions extends CommonOptions {
  /** Where the server is. Missing: `mongo://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: MongoClient | undefined;
}

/** Options, checked and complete. */
export interface MongoSettings {
  readonly url: string;
  readonly client: MongoClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function mongoSettings(options: MongoOptions): MongoSettings {
  const { url = 'mongo://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
