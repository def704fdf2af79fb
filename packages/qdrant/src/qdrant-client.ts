import type { RecordRow, RowPage } from '@storage/backend-kit';
import { compareCodePoints } from '@storage/core/filter';

/**
 * Stands for the driver of an engine: records in this process's memory, reached asynchronously, each call atomic. It is what lets
 * the backend pass the kit from its first minute; put the real driver in its place, one call after another.
 */
export interface QdrantClient {
  get(ns: string, key: string): Promise<RecordRow | undefined>;
  /** Puts what `change` answers to what is there; `undefined`: nothing. What it throws is passed on, and nothing changes. */
  update<R extends RecordRow | undefined>(
    ns: string,
    key: string,
    change: (stored: RecordRow | undefined) => R,
  ): Promise<R>;
  /** Removes a record unless `admit` throws. Answers what was there. */
  remove(ns: string, key: string, admit: (stored: RecordRow | undefined) => void): Promise<RecordRow | undefined>;
  /** Rows by key, from `prefix`, behind `after`. */
  scan(ns: string, prefix: string, after: string | undefined, limit: number): Promise<RowPage<RecordRow>>;
  /** The namespaces in use. */
  namespaces(): Promise<readonly string[]>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

class MapClient implements QdrantClient {
  readonly #tables = new Map<string, Map<string, RecordRow>>();

  async get(ns: string, key: string): Promise<RecordRow | undefined> {
    return this.#tables.get(ns)?.get(key);
  }

  async update<R extends RecordRow | undefined>(
    ns: string,
    key: string,
    change: (stored: RecordRow | undefined) => R,
  ): Promise<R> {
    const table = this.#tables.get(ns) ?? new Map<string, RecordRow>();
    const row = change(table.get(key));
    if (row !== undefined) this.#tables.set(ns, table.set(key, row));
    return row;
  }

  async remove(
    ns: string,
    key: string,
    admit: (stored: RecordRow | undefined) => void,
  ): Promise<RecordRow | undefined> {
    const table = this.#tables.get(ns);
    const stored = table?.get(key);
    admit(stored);
    table?.delete(key);
    if (table?.size === 0) this.#tables.delete(ns);
    return stored;
  }

  async scan(ns: string, prefix: string, after: string | undefined, limit: number): Promise<RowPage<RecordRow>> {
    const rows = [...(this.#tables.get(ns)?.values() ?? [])]
      .filter(({ key }) => key.startsWith(prefix) && (after === undefined || compareCodePoints(key, after) > 0))
      .sort((a, b) => compareCodePoints(a.key, b.key));
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  async namespaces(): Promise<readonly string[]> {
    return [...this.#tables.keys()];
  }

  async ping(): Promise<void> {
    // There is no server to lose.
  }

  async close(): Promise<void> {
    this.#tables.clear();
  }
}

/** Connects. */
export async function connectQdrant(_url: string): Promise<QdrantClient> {
  return new MapClient();
}
