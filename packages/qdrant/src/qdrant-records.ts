import type {
  Call,
  CompiledFilter,
  InfoRow,
  PageRequest,
  RecordDriver,
  RecordRow,
  RowOutcome,
  RowPage,
  WriteHead,
  WriteRow,
} from '@storage/backend-kit';
import type { StorageError } from '@storage/core';
import { compareCodePoints, type FilterNode } from '@storage/core/filter';
import type { QdrantClient } from './qdrant-client.ts';
import { alreadyExists, conflict, translateQdrant } from './qdrant-errors.ts';
import { compileQdrantFilter, type QdrantFilter } from './qdrant-filter.ts';

/** How many rows one request to the engine reads. */
const scanPage = 1000;

/** Records over the client. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class QdrantRecords implements RecordDriver<QdrantFilter> {
  readonly #connect: () => Promise<QdrantClient>;
  readonly #clock: () => number;

  constructor(connect: () => Promise<QdrantClient>, clock: () => number) {
    this.#connect = connect;
    this.#clock = clock;
  }

  async read(ns: string, key: string): Promise<RecordRow | undefined> {
    const client = await this.#connect();
    const row = this.#live(await client.get(ns, key));
    return row === undefined ? undefined : { ...row, content: copyOf(row.content) };
  }

  readMany(ns: string, keys: readonly string[]): Promise<readonly (RecordRow | undefined)[]> {
    return Promise.all(keys.map((key) => this.read(ns, key)));
  }

  async exists(ns: string, key: string): Promise<boolean> {
    const client = await this.#connect();
    return this.#live(await client.get(ns, key)) !== undefined;
  }

  async write(ns: string, row: WriteRow): Promise<InfoRow> {
    const { ttlMs, condition, ...kept } = row;
    const content = copyOf(row.content);
    const client = await this.#connect();
    return client.update(ns, row.key, (stored): RecordRow => {
      const present = this.#live(stored);
      if (condition?.type === 'absent' && present !== undefined) throw alreadyExists(row.key);
      if (condition?.type === 'match' && present?.etag !== condition.etag) throw conflict(row.key);
      const now = this.#clock();
      return {
        ...kept,
        content,
        createdAt: present?.createdAt ?? now,
        updatedAt: now,
        expiresAt: ttlMs === null ? null : now + ttlMs,
      };
    });
  }

  writeMany(ns: string, rows: readonly WriteRow[]): Promise<readonly RowOutcome<InfoRow>[]> {
    return Promise.all(rows.map((row) => outcomeOf(this.write(ns, row), 'records.storeMany', row.key)));
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) {
      call.check();
      // The sender may use its buffer again.
      parts.push(chunk.slice());
    }
    const content = Buffer.concat(parts);
    return this.write(ns, { ...head, content, size: content.length });
  }

  async readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const row = await this.read(ns, key);
    if (row === undefined) return undefined;
    const bytes = typeof row.content === 'string' ? new TextEncoder().encode(row.content) : row.content;
    const end = range.length === undefined ? bytes.length : range.offset + range.length;
    return { ...row, chunks: oneChunk(bytes.subarray(range.offset, end)) };
  }

  async remove(ns: string, key: string, etag?: string, report: boolean = true): Promise<boolean> {
    const client = await this.#connect();
    const removed = await client.remove(ns, key, (stored) => {
      if (etag !== undefined && this.#live(stored)?.etag !== etag) throw conflict(key);
    });
    return !report || this.#live(removed) !== undefined;
  }

  removeMany(ns: string, keys: readonly string[]): Promise<readonly RowOutcome<boolean>[]> {
    return Promise.all(keys.map((key) => outcomeOf(this.remove(ns, key), 'records.deleteMany', key)));
  }

  async touch(ns: string, key: string, ttlMs: number | null): Promise<boolean> {
    const client = await this.#connect();
    const expiresAt = ttlMs === null ? null : this.#clock() + ttlMs;
    const touched = await client.update(ns, key, (stored): RecordRow | undefined => {
      const row = this.#live(stored);
      return row === undefined ? undefined : { ...row, expiresAt };
    });
    return touched !== undefined;
  }

  compile(filter: FilterNode): CompiledFilter<QdrantFilter> {
    return compileQdrantFilter(filter);
  }

  async page(ns: string, request: PageRequest<QdrantFilter>, call: Call): Promise<RowPage<RecordRow>> {
    const rows: RecordRow[] = [];
    for await (const row of this.#matching(ns, request.prefix, request.filter, request.after?.key, call)) {
      if (rows.length === request.limit) return { rows, more: true };
      rows.push({ ...row, content: copyOf(row.content) });
    }
    return { rows, more: false };
  }

  async count(
    ns: string,
    prefix: string,
    filter: QdrantFilter | undefined,
    _estimate: boolean,
    call: Call,
  ): Promise<number> {
    let count = 0;
    for await (const _row of this.#matching(ns, prefix, filter, undefined, call)) count++;
    return count;
  }

  async removeWhere(ns: string, filter: QdrantFilter | undefined, call: Call): Promise<number> {
    let removed = 0;
    for await (const { key } of this.#matching(ns, '', filter, undefined, call)) {
      if (await this.remove(ns, key)) removed++;
    }
    return removed;
  }

  async namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    const found = new Set<string>();
    for (const path of await this.#below(ns)) {
      const relative = ns === '' ? path : path.slice(ns.length + 1);
      // A namespace whose records are all expired is none.
      if (path !== ns && (await this.count(path, '', undefined, false, call)) > 0)
        found.add(request.recursive ? relative : (relative.split('/', 1)[0] ?? relative));
    }
    const { after, limit } = request;
    const rows = [...found]
      .sort(compareCodePoints)
      .filter((path) => after === undefined || compareCodePoints(path, after) > 0);
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  async dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    let removed = 0;
    for (const path of recursive ? await this.#below(ns) : [ns])
      removed += await this.removeWhere(path, undefined, call);
    return removed;
  }

  /** The namespace and those below it that are in use. */
  async #below(ns: string): Promise<readonly string[]> {
    const client = await this.#connect();
    const paths = await client.namespaces();
    return paths.filter((path) => ns === '' || path === ns || path.startsWith(`${ns}/`));
  }

  async *#matching(
    ns: string,
    prefix: string,
    filter: QdrantFilter | undefined,
    after: string | undefined,
    call: Call,
  ): AsyncGenerator<RecordRow> {
    const client = await this.#connect();
    for (let position = after, more = true; more; ) {
      call.check();
      const page = await client.scan(ns, prefix, position, scanPage);
      for (const row of page.rows) {
        if (this.#live(row) !== undefined && (filter === undefined || filter(row.key))) yield row;
      }
      more = page.more;
      position = page.rows.at(-1)?.key;
    }
  }

  #live(row: RecordRow | undefined): RecordRow | undefined {
    return row === undefined || (row.expiresAt !== null && row.expiresAt <= this.#clock()) ? undefined : row;
  }
}

/** What callers do to their bytes changes nothing that is stored. */
function copyOf(content: string | Uint8Array): string | Uint8Array {
  return typeof content === 'string' ? content : content.slice();
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

async function outcomeOf<T>(work: Promise<T>, operation: string, key: string): Promise<RowOutcome<T>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    const translated: StorageError = translateQdrant(error, { operation, key, write: true });
    return { ok: false, error: translated };
  }
}
