import { invalidArgument } from './errors.ts';
import type { Metadata } from './json.ts';
import { assertKey } from './keys.ts';

/** What a provider is good for. */
export type StorageKind =
  | 'relational'
  | 'document'
  | 'key_value'
  | 'object'
  | 'vector'
  | 'search'
  | 'graph'
  | 'file_system'
  | 'cache'
  | 'queue';

/** Every kind, for checks of untrusted input. */
export const storageKinds: readonly StorageKind[] = [
  'relational',
  'document',
  'key_value',
  'object',
  'vector',
  'search',
  'graph',
  'file_system',
  'cache',
  'queue',
];

/** Where a piece of data lies. Plain data: it may be sent and stored as JSON (dates as ISO text). */
export interface DataReference {
  /** The name that the provider was registered under. */
  readonly storageType: string;
  readonly kind: StorageKind;
  readonly key: string;
  /** As it was when the reference was made. */
  readonly metadata: Metadata;
  readonly createdAt: Date;
  /** From when on resolving it is an error of code `expired`. Missing: never. */
  readonly expiresAt?: Date;
}

/** What a reference's URI holds: no metadata and no times. */
export type ReferenceAddress = Pick<DataReference, 'storageType' | 'kind' | 'key'>;

/** `provider://kind/<percent-encoded key>`. */
export function referenceToUri(reference: ReferenceAddress): string {
  assertKey(reference.key);
  return `${encodeURIComponent(reference.storageType)}://${reference.kind}/${encodeURIComponent(reference.key)}`;
}

/** Takes a reference's URI apart; what is none is `invalid_argument`. */
export function parseReferenceUri(uri: string): ReferenceAddress {
  const parts = /^([^:/?#]+):\/\/([a-z_]+)\/([^/]+)$/.exec(uri);
  const kind = storageKinds.find((name) => name === parts?.[2]);
  if (parts === null || kind === undefined) {
    throw invalidArgument(
      'not a reference; it must read provider://kind/<percent-encoded key>, as referenceToUri makes it.',
      { uri },
    );
  }
  const key = decode(parts[3] ?? '', uri);
  assertKey(key);
  return { storageType: decode(parts[1] ?? '', uri), kind, key };
}

function decode(text: string, uri: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalidArgument('the reference is not well percent-encoded.', { uri }, cause);
  }
}
