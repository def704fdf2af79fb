import { assertText, type CommonOptions } from '@storage/core';
import type { S3Client } from './s3-client.ts';

/** Options of `createS3`. */
export interface S3Options extends CommonOptions {
  /** Where the server is. Missing: `s3://localhost`. */
  readonly url?: string | undefined;
  /** A client to use instead of one of the backend's own. It is never closed. */
  readonly client?: S3Client | undefined;
}

/** Options, checked and complete. */
export interface S3Settings {
  readonly url: string;
  readonly client: S3Client | undefined;
  readonly clock: () => number;
  readonly newId: (() => string) | undefined;
  readonly defaultTimeoutMs: number | undefined;
}

export function s3Settings(options: S3Options): S3Settings {
  const { url = 's3://localhost', client, clock = Date.now, newId, defaultTimeoutMs } = options;
  assertText(url, 'url');
  return { url, client, clock, newId, defaultTimeoutMs };
}
