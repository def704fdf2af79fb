import { type Capabilities, type RecordCapabilities, StorageError } from '@storage/core';
import { compareCodePoints, compareSortValues, evaluateFilter, type FilterNode, valueAt } from '@storage/core/filter';
import {
  type BackendContext,
  createLifecycle,
  createTranslator,
  type InfoRow,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type WriteHead,
} from '../src/index.ts';

export const recordCapabilities: RecordCapabilities = {
  level: 'full',
  keys: 'any',
  maxValueBytes: 10_000,
  metadata: true,
  maxMetadataBytes: 1000,
  bytes: true,
  list: 'ordered',
  query: 'scan',
  scanLimit: null,
  sort: true,
  streams: true,
  ttl: { listing: 'exact' },
  conditional: 'record',
  conditionalDelete: true,
  conditionalStreams: true,
  programOrder: true,
  createdAt: true,
  deleteReports: 'exact',
  deleteWhere: 'per-record',
  atomicBatches: false,
  namespaces: true,
};

export const capabilities: Capabilities = {
  records: recordCapabilities,
  vectors: false,
  graph: false,
  messaging: false,
  transactions: false,
  facets: [],
  abort: 'before-start',
  persistent: false,
  consistency: 'strong',
};

/** A context that is open. */
export async function openContext(
  changes: Partial<BackendContext> = {},
  records: Partial<RecordCapabilities> = {},
): Promise<BackendContext> {
  const lifecycle = createLifecycle({ backend: 'fake', open: () => undefined, close: () => undefined });
  await lifecycle.open();
  return {
    name: 'fake',
    capabilities: { ...capabilities, records: { ...recordCapabilities, ...records } },
    lifecycle,
    translate: createTranslator('fake', () => undefined),
    ...changes,
  };
}

/** Filters by what the caller says: nothing at all (`superset`), or as the filter means (`exact`). */
export type FakeFilter = (document: unknown) => boolean;

function nodeToFilter(node: FilterNode): object {
  switch (node.kind) {
    case 'true':
      return {};
    case 'false':
      return { $or: [] };
    case 'and':
    case 'or':
      return { [`$${node.kind}`]: node.children.map(nodeToFilter) };
    case 'not':
      return { $not: nodeToFilter(node.child) };
    default:
      return { [node.path.join('.')]: { [`$${node.op}`]: node.value } };
  }
}

/** A small driver over maps that answers at once, and counts what it is asked. */
export class FakeDriver implements RecordDriver<FakeFilter> {
  readonly spaces = new Map<string, Map<string, RecordRow>>();
  readonly asked: string[] = [];
  precision: 'exact' | 'superset' = 'exact';
  /** Thrown by the next call. */
  failure: unknown;

  #space(ns: string): Map<string, RecordRow> {
    const space = this.spaces.get(ns) ?? new Map<string, RecordRow>();
    this.spaces.set(ns, space);
    return space;
  }

  #ask(what: string): void {
    this.asked.push(what);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  read(ns: string, key: string): RecordRow | undefined {
    this.#ask('read');
    return this.#space(ns).get(key);
  }

  readMany(ns: string, keys: readonly string[]): readonly (RecordRow | undefined)[] {
    this.#ask('readMany');
    return keys.map((key) => this.#space(ns).get(key));
  }

  exists(ns: string, key: string): boolean {
    this.#ask('exists');
    return this.#space(ns).has(key);
  }

  write(ns: string, row: WriteHead & { readonly content: string | Uint8Array; readonly size: number }): InfoRow {
    this.#ask('write');
    const space = this.#space(ns);
    const before = space.get(row.key);
    if (row.condition?.type === 'absent' && before)
      throw new StorageError({ code: 'already_exists', message: 'there' });
    if (row.condition?.type === 'match' && before?.etag !== row.condition.etag)
      throw new StorageError({ code: 'conflict', message: 'other' });
    const { key, kind, etag, contentType, metadata, content, size, ttlMs } = row;
    const now = 1_700_000_000_000;
    const stored = {
      key,
      kind,
      etag,
      contentType,
      metadata,
      content,
      size,
      createdAt: now,
      updatedAt: now,
      expiresAt: ttlMs === null ? null : now + ttlMs,
    };
    space.set(key, stored);
    return stored;
  }

  writeMany(
    ns: string,
    rows: Parameters<RecordDriver<FakeFilter>['writeMany']>[1],
  ): ReturnType<RecordDriver<FakeFilter>['writeMany']> {
    return rows.map((row) => {
      try {
        return { ok: true, value: this.write(ns, row) };
      } catch (error) {
        return { ok: false, error: error as StorageError };
      }
    });
  }

  remove(ns: string, key: string, etag: string | undefined): boolean {
    this.#ask('remove');
    const space = this.#space(ns);
    if (etag !== undefined && space.get(key)?.etag !== etag)
      throw new StorageError({ code: 'conflict', message: 'other' });
    return space.delete(key);
  }

  removeMany(ns: string, keys: readonly string[]): ReturnType<RecordDriver<FakeFilter>['removeMany']> {
    return keys.map((key) => ({ ok: true, value: this.remove(ns, key, undefined) }));
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>): Promise<InfoRow> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const content = Buffer.concat(parts);
    return this.write(ns, { ...head, content, size: content.byteLength });
  }

  readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
  ): ReturnType<RecordDriver<FakeFilter>['readStream']> {
    const row = this.read(ns, key);
    if (row === undefined) return undefined;
    const bytes = Buffer.from(row.content);
    const end = range.length === undefined ? bytes.length : range.offset + range.length;
    const { asked } = this;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let at = range.offset; at < Math.min(end, bytes.length); at += 4) {
        asked.push('chunk');
        yield bytes.subarray(at, Math.min(at + 4, end));
      }
    }
    return { ...row, chunks: chunks() };
  }

  touch(ns: string, key: string, ttlMs: number | null): boolean {
    const row = this.read(ns, key);
    if (row !== undefined)
      this.#space(ns).set(key, { ...row, expiresAt: ttlMs === null ? null : row.updatedAt + ttlMs });
    return row !== undefined;
  }

  compile(node: FilterNode): { readonly native: FakeFilter; readonly precision: 'exact' | 'superset' } {
    const filter = nodeToFilter(node);
    return {
      native: this.precision === 'exact' ? (document) => evaluateFilter(filter, document) : () => true,
      precision: this.precision,
    };
  }

  page(ns: string, request: PageRequest<FakeFilter>): { readonly rows: readonly RecordRow[]; readonly more: boolean } {
    this.#ask(`page ${request.limit}`);
    const { prefix, filter, sort, after, limit } = request;
    const documents = [...this.#space(ns).values()]
      .filter((row) => row.key.startsWith(prefix))
      .map((row) => ({ row, document: this.#document(row) }))
      .filter(({ document }) => filter?.(document) ?? true);
    const order = (values: readonly unknown[], key: string, others: readonly unknown[], otherKey: string): number => {
      for (const [index, { descending }] of sort.entries()) {
        const sign = compareSortValues(values[index], others[index], descending ? 'desc' : 'asc');
        if (sign !== 0) return sign;
      }
      return compareCodePoints(key, otherKey);
    };
    const values = (document: unknown): unknown[] => sort.map(({ path }) => valueAt(document, path));
    const sorted = documents.sort((a, b) => order(values(a.document), a.row.key, values(b.document), b.row.key));
    const rest =
      after === undefined
        ? sorted
        : sorted.filter(({ row, document }) => order(values(document), row.key, after.sort, after.key) > 0);
    return { rows: rest.slice(0, limit).map(({ row }) => row), more: rest.length > limit };
  }

  #document(row: RecordRow): unknown {
    const { key, content, metadata, createdAt, updatedAt } = row;
    return {
      key,
      data: typeof content === 'string' ? JSON.parse(content) : content,
      metadata: JSON.parse(metadata),
      createdAt: new Date(createdAt ?? 0),
      updatedAt: new Date(updatedAt),
    };
  }

  count(ns: string, prefix: string, filter: FakeFilter | undefined): number {
    return this.page(ns, {
      prefix,
      filter,
      sort: [],
      after: undefined,
      limit: Number.POSITIVE_INFINITY,
      include: 'rows',
    }).rows.length;
  }

  removeWhere(ns: string, filter: FakeFilter | undefined): number {
    this.#ask('removeWhere');
    const { rows } = this.page(ns, {
      prefix: '',
      filter,
      sort: [],
      after: undefined,
      limit: Number.POSITIVE_INFINITY,
      include: 'rows',
    });
    for (const { key } of rows) this.#space(ns).delete(key);
    return rows.length;
  }

  namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
  ): { readonly rows: readonly string[]; readonly more: boolean } {
    const prefix = ns === '' ? '' : `${ns}/`;
    const names = [...this.spaces.keys()]
      .filter((path) => path !== ns && path.startsWith(prefix) && (this.spaces.get(path)?.size ?? 0) > 0)
      .map((path) => path.slice(prefix.length))
      .map((path) => (request.recursive ? path : (path.split('/')[0] ?? path)))
      .filter((path, index, all) => all.indexOf(path) === index)
      .filter((path) => request.after === undefined || compareCodePoints(path, request.after) > 0)
      .sort(compareCodePoints);
    return { rows: names.slice(0, request.limit), more: names.length > request.limit };
  }

  dropNamespace(ns: string): number {
    const { size } = this.#space(ns);
    this.spaces.delete(ns);
    return size;
  }
}
