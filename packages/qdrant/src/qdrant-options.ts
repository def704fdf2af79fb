import { assertText, type CommonOptions } from '@storage/core';
import type { QdrantClient } from './qdrant-client.ts';

/** Options of `createQdrant`. */
export interface QdrantOptions extends CommonOptions {
  /** Where the server is. Missing: `qdrant://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: QdrantClient | undefined;
}

/** Options, checked and complete. */
export interface QdrantSettings {
  readonly url: string;
  readonly client: QdrantClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function qdrantSettings(options: QdrantOptions): QdrantSettings {
  const { url = 'qdrant://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
