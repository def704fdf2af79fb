import { closeSync } from 'node:fs';
import {
  type Call,
  type CompiledFilter,
  compileKeyFilter,
  type InfoRow,
  type KeyFilter,
  type PageRequest,
  type RecordDriver,
  type RecordRow,
  type RowOutcome,
  type RowPage,
  type Translate,
  type WriteHead,
  type WriteRow,
} from '@storage/backend-kit';
import { compareCodePoints, type FilterNode } from '@storage/core/filter';
import { ContentCache } from './content-cache.ts';
import type { RecordChanges } from './filesystem-changes.ts';
import { encodeContent, kindOf, readContent, readPieces, toRow } from './filesystem-content.ts';
import { defaultType } from './filesystem-sidecar.ts';
import type { Staged, Staging } from './filesystem-staging.ts';
import type { OpenFile, RecordFiles, Target } from './filesystem-store.ts';
import type { Sweep } from './filesystem-sweep.ts';
import { childNamespaces, namespacesBelow, walkKeys } from './filesystem-walk.ts';
import { KeyQueue } from './key-queue.ts';
import { mapLimited, WorkLimit } from './work-limit.ts';

/** Files that are open for reading or writing at once. */
const maxOpenFiles = 128;
/** Members of a batch or a page that are under way at once. */
const parallel = 32;

export interface RecordParts {
  readonly files: RecordFiles;
  readonly changes: RecordChanges;
  readonly staging: Staging;
  readonly sweep: Sweep;
}

export interface RecordSettings {
  readonly prettyJson: boolean;
  readonly cacheBytes: number;
  readonly clock: () => number;
  readonly translate: Translate;
}

/** Records as files. Arguments come checked and encoded; what is thrown is translated by the facade. */
export class FilesystemRecords implements RecordDriver<KeyFilter> {
  readonly #parts: () => RecordParts;
  readonly #settings: RecordSettings;
  readonly #queue = new KeyQueue();
  readonly #limit = new WorkLimit(maxOpenFiles);
  readonly #cache: ContentCache;

  constructor(parts: () => RecordParts, settings: RecordSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#cache = new ContentCache(settings.cacheBytes);
  }

  async read(ns: string, key: string): Promise<RecordRow | undefined> {
    return this.#read(this.#parts().files.target(ns, key));
  }

  readMany(ns: string, keys: readonly string[], call: Call): Promise<readonly (RecordRow | undefined)[]> {
    return mapLimited(keys, parallel, async (key) => {
      call.check();
      return this.read(ns, key);
    });
  }

  async exists(ns: string, key: string): Promise<boolean> {
    const { files } = this.#parts();
    const target = files.target(ns, key);
    return this.#queue.read(target.id, async () => files.live(await files.look(target)));
  }

  async write(ns: string, row: WriteRow, call: Call): Promise<InfoRow> {
    const { files, staging } = this.#parts();
    const target = files.target(ns, row.key);
    const content = encodeContent(row, this.#settings.prettyJson);
    // Its place in the order is that of the call.
    return this.#queue.write(target.id, async () => {
      call.check();
      const staged = await this.#limit.run(() => staging.stage(target.id, [content]));
      return this.#publish(target, row, staged, call);
    });
  }

  writeMany(
    ns: string,
    rows: readonly WriteRow[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<InfoRow>[]> {
    return mapLimited(rows, parallel, (row) =>
      this.#outcome(() => this.write(ns, row, call), 'records.storeMany', row.key),
    );
  }

  async writeStream(ns: string, head: WriteHead, chunks: AsyncIterable<Uint8Array>, call: Call): Promise<InfoRow> {
    const { files, staging } = this.#parts();
    const target = files.target(ns, head.key);
    // Nobody waits for a slow sender: its place in the order is that of its last chunk.
    const staged = await staging.stage(target.id, chunks);
    return this.#queue.write(target.id, () => this.#publish(target, head, staged, call));
  }

  async #publish(target: Target, head: WriteHead, staged: Staged, call: Call): Promise<InfoRow> {
    const { changes, sweep } = this.#parts();
    const entry = await changes.publish(target, head, staged, call);
    sweep.written();
    return toRow(target, { identity: staged.identity, entry, sidecar: undefined }, head.kind);
  }

  async readStream(
    ns: string,
    key: string,
    range: { readonly offset: number; readonly length: number | undefined },
  ): Promise<(InfoRow & { readonly chunks: AsyncIterable<Uint8Array> }) | undefined> {
    const { files } = this.#parts();
    const target = files.target(ns, key);
    return this.#queue.read(target.id, () =>
      this.#withFile(target, async (file) => ({
        ...toRow(target, file, await kindOf(target, file)),
        chunks: readPieces(files, target, file, range),
      })),
    );
  }

  async remove(ns: string, key: string, etag: string | undefined, report: boolean, call: Call): Promise<boolean> {
    const { files, changes } = this.#parts();
    const target = files.target(ns, key);
    const removed = await this.#queue.write(target.id, async () => {
      call.check();
      return changes.remove(target, { etag }, call);
    });
    return removed || !report;
  }

  removeMany(
    ns: string,
    keys: readonly string[],
    _atomic: boolean,
    call: Call,
  ): Promise<readonly RowOutcome<boolean>[]> {
    return mapLimited(keys, parallel, (key) =>
      this.#outcome(() => this.remove(ns, key, undefined, true, call), 'records.deleteMany', key),
    );
  }

  async touch(ns: string, key: string, ttlMs: number | null, call: Call): Promise<boolean> {
    const { files, changes, sweep } = this.#parts();
    const target = files.target(ns, key);
    const touched = await this.#queue.write(target.id, async () => {
      call.check();
      const expiresAt = ttlMs === null ? null : this.#settings.clock() + ttlMs;
      return changes.touch(target, expiresAt, () => this.#kind(target), call);
    });
    if (touched) sweep.written();
    return touched;
  }

  async #kind(target: Target): Promise<{ readonly kind: 'json' | 'bytes'; readonly contentType: string }> {
    const kind = (await this.#withFile(target, (file) => kindOf(target, file))) ?? 'bytes';
    return { kind, contentType: defaultType(kind) };
  }

  compile(filter: FilterNode): CompiledFilter<KeyFilter> {
    return compileKeyFilter('filesystem', filter);
  }

  page(
    ns: string,
    request: PageRequest<KeyFilter> & { readonly include: 'rows' },
    call: Call,
  ): Promise<RowPage<RecordRow>>;
  page(
    ns: string,
    request: PageRequest<KeyFilter> & { readonly include: 'keys' | 'info' },
    call: Call,
  ): Promise<RowPage<InfoRow>>;
  async page(ns: string, request: PageRequest<KeyFilter>, call: Call): Promise<RowPage<InfoRow>> {
    const { limit, include, prefix, filter, after } = request;
    const rows: InfoRow[] = [];
    const row = (target: Target): Promise<InfoRow | undefined> =>
      include === 'rows' ? this.#read(target) : this.#info(target, include === 'info');
    for await (const targets of this.#batches(ns, prefix, filter, after?.key, () => limit + 1 - rows.length, call)) {
      for (const found of await mapLimited(targets, parallel, row)) if (found !== undefined) rows.push(found);
      if (rows.length > limit) return { rows: rows.slice(0, limit), more: true };
    }
    return { rows, more: false };
  }

  async count(
    ns: string,
    prefix: string,
    filter: KeyFilter | undefined,
    _estimate: boolean,
    call: Call,
  ): Promise<number> {
    const { files } = this.#parts();
    let count = 0;
    for await (const targets of this.#batches(ns, prefix, filter, undefined, () => parallel, call)) {
      for (const found of await mapLimited(targets, parallel, (target) => files.look(target)))
        if (files.live(found)) count++;
    }
    return count;
  }

  async removeWhere(ns: string, filter: KeyFilter | undefined, call: Call): Promise<number> {
    let removed = 0;
    for await (const targets of this.#batches(ns, '', filter, undefined, () => parallel, call)) {
      const gone = await mapLimited(targets, parallel, ({ key }) => this.remove(ns, key, undefined, true, call));
      removed += gone.filter(Boolean).length;
    }
    return removed;
  }

  async namespaces(
    ns: string,
    request: { readonly recursive: boolean; readonly after: string | undefined; readonly limit: number },
    call: Call,
  ): Promise<RowPage<string>> {
    await this.#queue.settle();
    const { recursive, after, limit } = request;
    const rows: string[] = [];
    const below = recursive ? [...(await this.#below(ns, call))].sort(compareCodePoints) : await this.#children(ns);
    for (const path of below) {
      const relative = ns === '' ? path : path.slice(ns.length + 1);
      if (after !== undefined && compareCodePoints(relative, after) <= 0) continue;
      if (!(recursive ? await this.#holdsOwn(path, call) : await this.#holds(path, call))) continue;
      if (rows.length === limit) return { rows, more: true };
      rows.push(relative);
    }
    return { rows, more: false };
  }

  async dropNamespace(ns: string, recursive: boolean, call: Call): Promise<number> {
    await this.#queue.settle();
    let removed = 0;
    // The deepest first, so that each folder is empty when its turn comes.
    for (const path of [ns, ...(recursive ? await this.#below(ns, call) : [])].reverse())
      removed += await this.removeWhere(path, undefined, call);
    return removed;
  }

  #children(ns: string): Promise<readonly string[]> {
    const { folders, layout } = this.#parts().files;
    return childNamespaces(folders, layout, ns);
  }

  #below(ns: string, call: Call): Promise<readonly string[]> {
    const { folders, layout } = this.#parts().files;
    return namespacesBelow(folders, layout, ns, call);
  }

  async #holdsOwn(ns: string, call: Call): Promise<boolean> {
    const { rows } = await this.page(ns, { ...everything, limit: 1 }, call);
    return rows.length > 0;
  }

  /** Whether a namespace has a record, or one below it has. */
  async #holds(ns: string, call: Call): Promise<boolean> {
    if (await this.#holdsOwn(ns, call)) return true;
    for (const child of await this.#children(ns)) if (await this.#holds(child, call)) return true;
    return false;
  }

  /** Targets that may be wanted, as many at a time as `size` asks for. */
  async *#batches(
    ns: string,
    prefix: string,
    filter: KeyFilter | undefined,
    after: string | undefined,
    size: () => number,
    call: Call,
  ): AsyncGenerator<readonly Target[], void, undefined> {
    await this.#queue.settle();
    const { files } = this.#parts();
    let batch: Target[] = [];
    for await (const key of walkKeys(files.folders, files.layout, ns, { prefix, after }, call)) {
      if (filter !== undefined && !filter(key)) continue;
      batch.push(files.target(ns, key));
      if (batch.length < size()) continue;
      yield batch;
      batch = [];
      call.check();
    }
    if (batch.length > 0) yield batch;
  }

  #read(target: Target): Promise<RecordRow | undefined> {
    return this.#queue.read(target.id, () => this.#readNow(target));
  }

  async #readNow(target: Target): Promise<RecordRow | undefined> {
    const { files } = this.#parts();
    if (this.#cache.has(target.id)) {
      const found = await files.look(target);
      if (!files.live(found)) return undefined;
      const content = this.#cache.get(target.id, found.identity);
      if (content !== undefined) return { ...toRow(target, found, 'json'), content };
    }
    return this.#withFile(target, async (file) => {
      const content = await readContent(target, file);
      if (typeof content !== 'string') return { ...toRow(target, file, 'bytes'), content };
      this.#cache.put(target.id, file.identity, content);
      return { ...toRow(target, file, 'json'), content };
    });
  }

  /** What is known of a record. `whole` false: whether it is JSON does not matter, so that its file need not be opened. */
  async #info(target: Target, whole: boolean): Promise<InfoRow | undefined> {
    const { files } = this.#parts();
    const found = await files.look(target);
    if (!files.live(found)) return undefined;
    if (!whole || found.entry !== undefined) return toRow(target, found, found.entry?.kind ?? 'bytes');
    return this.#withFile(target, async (file) => toRow(target, file, await kindOf(target, file)));
  }

  /** Runs `work` with the file of a record that is there and not expired. */
  #withFile<T>(target: Target, work: (file: OpenFile) => Promise<T>): Promise<T | undefined> {
    return this.#limit.run(async () => {
      const { files } = this.#parts();
      const file = await files.open(target);
      if (file === undefined) return undefined;
      try {
        return files.live(file) ? await work(file) : undefined;
      } finally {
        closeSync(file.fd);
      }
    });
  }

  async #outcome<T>(work: () => Promise<T>, operation: string, key: string): Promise<RowOutcome<T>> {
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      return { ok: false, error: this.#settings.translate(error, { operation, key, write: true }) };
    }
  }
}

const everything = { prefix: '', filter: undefined, sort: [], after: undefined, include: 'keys' } as const;
