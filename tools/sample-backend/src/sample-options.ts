import { assertText, type CommonOptions } from '@storage/core';
import type { SampleClient } from './sample-client.ts';

/** Options of `createSample`. */
export interface SampleOptions extends CommonOptions {
  /** Where the server is. Missing: `sample://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: SampleClient | undefined;
}

/** Options, checked and complete. */
export interface SampleSettings {
  readonly url: string;
  readonly client: SampleClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function sampleSettings(options: SampleOptions): SampleSettings {
  const { url = 'sample://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
