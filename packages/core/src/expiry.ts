import { invalidArgument } from './errors.ts';
import type { MetadataInput } from './json.ts';

/** The longest time to live, in milliseconds: 100 years of 365.25 days. */
export const maxTtlMs = 3_155_760_000_000;

/** The time to live of a store in milliseconds: `ttlMs`, or `metadata.ttl` in seconds. Both: `invalid_argument`. */
export function timeToLive(metadata: MetadataInput | undefined, ttlMs: number | undefined): number | undefined {
  const ttl = metadata?.['ttl'];
  const path = ttl === undefined ? 'ttlMs' : 'metadata.ttl';
  if (ttl !== undefined && ttlMs !== undefined)
    throw invalidArgument('metadata.ttl and ttlMs are both given; keep one.', { path });
  // Expiry is kept in whole milliseconds.
  const time = ttl === undefined ? ttlMs : typeof ttl === 'number' ? Math.ceil(ttl * 1000) : Number.NaN;
  if (time !== undefined && !(Number.isInteger(time) && time > 0 && time <= maxTtlMs))
    throw invalidArgument(
      `${path} must be a number of ${ttl === undefined ? 'whole milliseconds' : 'seconds'} above 0, of at most 100 years.`,
      { path },
    );
  return time;
}

/** Data with its expiry, for records of providers that keep none; `null`: data that only looks like an envelope. */
interface Envelope {
  readonly $expiresAt: number | null;
  readonly $data: unknown;
}

function isEnvelope(data: unknown): data is Envelope {
  if (typeof data !== 'object' || data === null || Object.keys(data).length !== 2 || !Object.hasOwn(data, '$data'))
    return false;
  const { $expiresAt } = data as Partial<Envelope>;
  return typeof $expiresAt === 'number' || $expiresAt === null;
}

/** Data as it is kept where its expiry has to ride along. */
export function envelop<D>(data: D, expiresAt: number | undefined): D | Envelope {
  return expiresAt === undefined && !isEnvelope(data) ? data : { $expiresAt: expiresAt ?? null, $data: data };
}

/** The data and expiry of what `envelop` made. */
export function unwrap(data: unknown): { readonly data: unknown; readonly expiresAt: number | undefined } {
  return isEnvelope(data)
    ? { data: data.$data, expiresAt: data.$expiresAt ?? undefined }
    : { data, expiresAt: undefined };
}
