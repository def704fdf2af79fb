import { assertText, type CommonOptions } from '@storage/core';
import type { PineconeClient } from './pinecone-client.ts';

/** Options of `createPinecone`. */
export interface PineconeOptions extends CommonOptions {
  /** Where the server is. Missing: `pinecone://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: PineconeClient | undefined;
}

/** Options, checked and complete. */
export interface PineconeSettings {
  readonly url: string;
  readonly client: PineconeClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function pineconeSettings(options: PineconeOptions): PineconeSettings {
  const { url = 'pinecone://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
