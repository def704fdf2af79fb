import type { EncodedRecord, FoundRecord } from './pinecone-records.ts';
import { shadow } from './pinecone-shadows.ts';

/** What was acknowledged in one namespace and may not be seen by reads yet. */
interface Written {
  /** The last log sequence number that a write was given. */
  lsn: number | undefined;
  /** When the last write was acknowledged. */
  at: number;
  /** Whether the last write emptied the namespace, which may be gone with it. */
  emptied: boolean;
  /** Of an index without such numbers: what reads have to find, `undefined`: nothing. */
  readonly pending: Map<string, EncodedRecord | undefined>;
}

/** How far apart two writes may be that were under way at the same time, in milliseconds. */
const sameTimeMs = 60_000;
/** The most writes that are remembered of a namespace without log sequence numbers; the oldest are forgotten first. */
const maxPending = 10_000;

const lsnOf = (headers: Headers, name: string): number | undefined => {
  const value = headers.get(name);
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
};

/** The log sequence number that a write was given, of serverless indexes. */
export const writtenLsn = (headers: Headers): number | undefined => lsnOf(headers, 'x-pinecone-request-lsn');
/** How far the answer to a query had come. */
export const indexedLsn = (headers: Headers): number | undefined => lsnOf(headers, 'x-pinecone-max-indexed-lsn');

/** How long two writes of one id may take to pass one another, in milliseconds. */
const passingMs = 5000;

/**
 * Whether what was found is what was written, to 32-bit floats, or what somebody else wrote over it later. `late`: after a while of
 * looking, what was written at about the same time is taken to have come later too.
 */
export function isWritten(found: FoundRecord | undefined, record: EncodedRecord | undefined, late: boolean): boolean {
  if (found === undefined || record === undefined) return found === record;
  const { metadata = {}, values = [] } = found;
  const [theirs, ours] = [metadata[shadow.written], record.metadata[shadow.written]];
  if (typeof theirs === 'number' && typeof ours === 'number' && theirs > (late ? ours - passingMs : ours)) return true;
  const names = Object.keys(record.metadata);
  return (
    names.length === Object.keys(metadata).length &&
    names.every((name) => JSON.stringify(metadata[name]) === JSON.stringify(record.metadata[name])) &&
    record.vector.every((value, index) => Math.fround(values[index] ?? Number.NaN) === value)
  );
}

/** The writes of one index, by namespace. */
export class Freshness {
  readonly #namespaces = new Map<string, Written>();

  /** Notes a write that was acknowledged: records that were stored, ids that were deleted, or `all`. */
  note(
    namespace: string,
    lsn: number | undefined,
    what: { readonly stored?: readonly EncodedRecord[]; readonly deleted?: readonly string[]; readonly all?: true },
  ): void {
    let written = this.#namespaces.get(namespace);
    if (written === undefined) {
      written = { lsn: undefined, at: 0, emptied: false, pending: new Map() };
      this.#namespaces.set(namespace, written);
    }
    written.emptied = what.all === true;
    if (what.all) written.pending.clear();
    if (lsn !== undefined) {
      // Answers of writes at the same time come in any order. Numbers only rise, unless somebody else made the index anew.
      const now = performance.now();
      written.lsn = now - written.at < sameTimeMs ? Math.max(lsn, written.lsn ?? 0) : lsn;
      written.at = now;
      return;
    }
    for (const record of what.stored ?? []) written.pending.set(record.id, record);
    for (const id of what.deleted ?? []) written.pending.set(id, undefined);
    for (const id of written.pending.keys()) {
      if (written.pending.size <= maxPending) break;
      written.pending.delete(id);
    }
  }

  of(namespace: string): Readonly<Written> | undefined {
    return this.#namespaces.get(namespace);
  }

  /** What was waited for is seen, unless more was written meanwhile. */
  seen(namespace: string, lsn: number | undefined): void {
    const written = this.#namespaces.get(namespace);
    if (written !== undefined && written.lsn === lsn && written.pending.size === 0) this.#namespaces.delete(namespace);
  }

  /** The namespaces that were written to and not waited for. */
  names(): readonly string[] {
    return [...this.#namespaces.keys()];
  }
}
