import {
  AsyncCoalescer,
  type Call,
  type ErrorSite,
  type Gathered,
  inParts,
  partsOf,
  type RowOutcome,
  recordId,
  type VectorRow,
} from '@storage/backend-kit';
import type { VectorFields } from '@storage/core';
import type { Metadata } from 'chromadb';
import type { ChromaConnection } from './chroma-client.ts';
import { translateChroma } from './chroma-errors.ts';
import type { UpsertBody, WrittenMetadata } from './chroma-http.ts';
import { encodeShadow, mayHaveText } from './chroma-shadow.ts';

/** What a request may weigh, of the 40 MB that the server takes. */
const maxPartBytes = 24 * 1024 * 1024;

const writeSite: ErrorSite = { operation: 'vectors.upsert', key: undefined, write: true };

/** Where documents go. */
export interface WriteTarget {
  /** The native collection. */
  readonly id: string;
  readonly fields: VectorFields;
}

interface Member {
  readonly target: WriteTarget;
  readonly row: VectorRow;
}

/** Makes those who name the same id wait for one another, in the order in which they came. */
class IdLocks {
  readonly #last = new Map<string, Promise<void>>();

  async hold<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = new Set(keys.flatMap((key) => this.#last.get(key) ?? []));
    let release = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      release = resolve;
    });
    for (const key of keys) this.#last.set(key, promise);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      release();
      for (const key of keys) if (this.#last.get(key) === promise) this.#last.delete(key);
    }
  }
}

/** Metadata, with a null for each key that is there and should not be. */
function replacing(written: WrittenMetadata, old: Metadata | null | undefined): WrittenMetadata {
  const stale = Object.keys(old ?? {}).filter((key) => !(key in written));
  return stale.length === 0 ? written : { ...written, ...Object.fromEntries(stale.map((key) => [key, null])) };
}

function sizeOf({ vector, content, metadata }: VectorRow): number {
  return vector.length * 6 + (content?.length ?? 0) * 2 + metadata.length * 4 + 200;
}

/** Stores documents whole, over a server that merges what it is given with what is there. */
export class ChromaWrites {
  readonly #connect: () => Promise<ChromaConnection>;
  readonly #locks = new IdLocks();
  readonly #coalescer = new AsyncCoalescer();
  readonly #one: Gathered<Member, void>;

  constructor(connect: () => Promise<ChromaConnection>) {
    this.#connect = connect;
    this.#one = this.#coalescer.lane<Member, void>({
      run: (members, call) => this.#gathered(members, call),
      write: true,
      idempotent: true,
      maxBatch: 256,
    });
  }

  /** No id stands twice in `rows`. One alone goes with what others store at the same moment. */
  async upsert(target: WriteTarget, rows: readonly VectorRow[], call: Call): Promise<void> {
    const [row] = rows;
    if (row !== undefined && rows.length === 1) return this.#one(recordId(target.id, row.id), { target, row }, call);
    const { maxBatch } = await this.#connect();
    await inParts(
      partsOf(rows, { count: maxBatch, bytes: maxPartBytes }, sizeOf),
      (part) => this.#store(target, part, call),
      (thrown) => translateChroma(thrown, writeSite),
    );
  }

  /** Those of one native collection go together. What fails is thrown: the whole may be sent again, or each alone. */
  async #gathered(members: readonly Member[], call: Call): Promise<readonly RowOutcome<void>[]> {
    const groups = new Map<string, { readonly target: WriteTarget; readonly rows: VectorRow[] }>();
    for (const { target, row } of members) {
      const group = groups.get(target.id);
      if (group === undefined) groups.set(target.id, { target, rows: [row] });
      else group.rows.push(row);
    }
    try {
      for (const { target, rows } of groups.values())
        for (const part of partsOf(rows, { count: rows.length, bytes: maxPartBytes }, sizeOf))
          await this.#store(target, part, call);
    } catch (error) {
      throw translateChroma(error, writeSite);
    }
    return members.map(() => ({ ok: true, value: undefined }));
  }

  #store(target: WriteTarget, rows: readonly VectorRow[], call: Call): Promise<void> {
    return this.#locks.hold(
      rows.map(({ id }) => recordId(target.id, id)),
      () => this.#replace(target, rows, call),
    );
  }

  /** One request reads which keys there are, one writes: the record is there all the while. */
  async #replace({ id, fields }: WriteTarget, rows: readonly VectorRow[], call: Call): Promise<void> {
    const { http, base64 } = await this.#connect();
    const ids = rows.map((row) => row.id);
    const old = await http.metadata(id, ids, call);
    const body: UpsertBody = {
      ids,
      embeddings: base64 ? rows.map(toBase64) : rows.map(({ vector }) => Array.from(vector)),
      documents: rows.map(
        (row) => row.content ?? (old.has(row.id) && mayHaveText(old.get(row.id) ?? null) ? '' : null),
      ),
      metadatas: rows.map((row) => replacing(encodeShadow(row, fields), old.get(row.id))),
    };
    await http.upsert(id, body, call);
  }
}

function toBase64({ vector }: VectorRow): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
