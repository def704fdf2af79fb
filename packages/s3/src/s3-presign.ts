import type { CallGuard } from '@storage/backend-kit';
import {
  assertKey,
  type CallOptions,
  childNamespace,
  type FacetToken,
  facetToken,
  invalidArgument,
} from '@storage/core';
import type { S3Names } from './s3-names.ts';
import type { S3Wire } from './s3-wire.ts';

/** Options of a URL. */
export interface PresignOptions extends CallOptions {
  /** Whole seconds until it is worthless, 1 to 604,800 (seven days). Missing: 900. */
  readonly expiresInSeconds?: number | undefined;
  /** The names along the path of the key's namespace. Missing: the root. */
  readonly namespace?: readonly string[] | undefined;
}

/** Options of a URL to read by. */
export interface PresignGetOptions extends PresignOptions {
  /** The name under which a browser saves it. Missing: it shows it. */
  readonly downloadAs?: string | undefined;
}

/** URLs with which who has no credentials reads or writes one object. Made here, without a request: whether there is a record shows when one is used. */
export interface PresignedUrls {
  /** To GET the record's bytes, or its JSON. It does not know of the record's expiry. */
  get(key: string, options?: PresignGetOptions): Promise<string>;
  /** To PUT bytes or JSON. What comes so has no metadata of the store: its kind is that of its content type, its etag the server's. */
  put(key: string, options?: PresignOptions): Promise<string>;
}

/** `backend.facet(presignedUrls)`. */
export const presignedUrls: FacetToken<PresignedUrls> = facetToken<PresignedUrls>('presigned-urls/1');

const longestSeconds = 604_800;

function secondsOf(value: unknown): number {
  if (value === undefined) return 900;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > longestSeconds) {
    throw invalidArgument(`expiresInSeconds is a whole number from 1 to ${longestSeconds}.`, {
      path: 'expiresInSeconds',
    });
  }
  return value as number;
}

function responseHeaders({ downloadAs }: PresignGetOptions): Record<string, string> | undefined {
  if (downloadAs === undefined) return undefined;
  if (typeof downloadAs !== 'string' || downloadAs === '')
    throw invalidArgument('downloadAs is the name of a file.', { path: 'downloadAs' });
  // Encoded whole: a quote or a line end in a name says nothing to whoever reads the header.
  const name = encodeURIComponent(downloadAs).replaceAll("'", '%27');
  return { 'response-content-disposition': `attachment; filename*=UTF-8''${name}` };
}

/** Signs URLs by the client's credentials. */
export function createPresignedUrls(guard: CallGuard, names: S3Names, wire: () => S3Wire): PresignedUrls {
  const sign = (method: 'GET' | 'PUT', key: string, options: PresignGetOptions): Promise<string> =>
    guard.run(`presignedUrls.${method.toLowerCase()}`, key, false, options, () => {
      assertKey(key);
      const seconds = secondsOf(options.expiresInSeconds);
      const name = names.name((options.namespace ?? []).reduce(childNamespace, ''), key);
      const headers = method === 'GET' ? responseHeaders(options) : undefined;
      return (call) => {
        const { bucket } = wire();
        return wire().view(call).presignedUrl(method, bucket, name, seconds, headers);
      };
    });
  return {
    get: (key, options = {}) => sign('GET', key, options),
    put: (key, options = {}) => sign('PUT', key, options),
  };
}
