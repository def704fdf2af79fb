import { invalidArgument } from './errors.ts';
import type { MetadataInput } from './json.ts';

/** The time to live of a store: `ttlMs`, or `metadata.ttl` in seconds. Both: `invalid_argument`. */
export function timeToLive(metadata: MetadataInput | undefined, ttlMs: number | undefined): number | undefined {
  const ttl = metadata !== undefined && Object.hasOwn(metadata, 'ttl') ? metadata['ttl'] : undefined;
  if (ttl === undefined) return ttlMs;
  if (ttlMs !== undefined)
    throw invalidArgument('metadata.ttl and ttlMs are both given; keep one.', { path: 'metadata.ttl' });
  if (typeof ttl !== 'number' || !(ttl > 0) || !Number.isFinite(ttl)) {
    throw invalidArgument('metadata.ttl must be a number of seconds above 0.', { path: 'metadata.ttl' });
  }
  // Expiry is kept in whole milliseconds.
  return Math.ceil(ttl * 1000);
}

/** Data with its expiry, for records of providers that keep none. */
interface Envelope {
  readonly $expiresAt: number;
  readonly $data: unknown;
}

export function envelop(data: unknown, expiresAt: number): Envelope {
  return { $expiresAt: expiresAt, $data: data };
}

/** The data and expiry of what may be an envelope. */
export function unwrap(data: unknown): { readonly data: unknown; readonly expiresAt?: number } {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, '$expiresAt') || !Object.hasOwn(data, '$data'))
    return { data };
  const { $data, $expiresAt } = data as Envelope;
  return Object.keys(data).length === 2 && typeof $expiresAt === 'number'
    ? { data: $data, expiresAt: $expiresAt }
    : { data };
}
