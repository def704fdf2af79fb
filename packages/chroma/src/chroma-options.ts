import { assertText, type CommonOptions } from '@storage/core';
import type { ChromaClient } from './chroma-client.ts';

/** Options of `createChroma`. */
export interface ChromaOptions extends CommonOptions {
  /** Where the server is. Missing: `chroma://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: ChromaClient | undefined;
}

/** Options, checked and complete. */
export interface ChromaSettings {
  readonly url: string;
  readonly client: ChromaClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function chromaSettings(options: ChromaOptions): ChromaSettings {
  const { url = 'chroma://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
