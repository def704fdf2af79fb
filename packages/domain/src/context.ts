import { type CommonOptions, randomToken, uuidv7 } from '@storage/core';

/** Where domain rules take the time and their ids from. */
export interface DomainContext {
  /** The present, in milliseconds since 1970. */
  now(): number;
  /** A new id with a prefix that tells its kind: `msg_…`. Ordered by time unless the backend was given ids of its own. */
  newId(prefix: 'session' | 'msg' | 'artifact' | 'metric'): string;
  /** A new etag. */
  newEtag(): string;
}

/** The context that a backend's options ask for. */
export function domainContext(options: Pick<CommonOptions, 'clock' | 'newId'>): DomainContext {
  const now = options.clock ?? Date.now;
  const newId = options.newId ?? (() => uuidv7(now()));
  return {
    now,
    newId: (prefix) => `${prefix}_${newId()}`,
    newEtag: options.newId ?? randomToken,
  };
}
