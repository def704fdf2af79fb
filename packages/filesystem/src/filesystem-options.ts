import { assertText, type CommonOptions } from '@storage/core';
import type { FilesystemClient } from './filesystem-client.ts';

/** Options of `createFilesystem`. */
export interface FilesystemOptions extends CommonOptions {
  /** Where the server is. Missing: `filesystem://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: FilesystemClient | undefined;
}

/** Options, checked and complete. */
export interface FilesystemSettings {
  readonly url: string;
  readonly client: FilesystemClient | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function filesystemSettings(options: FilesystemOptions): FilesystemSettings {
  const { url = 'filesystem://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
