import type { CallOptions, Storable } from '@storage/core';
import {
  alreadyThere,
  checkConditions,
  checkName,
  type KeyValueEntry,
  type KeyValueOptions,
  type KeyValueStore,
  lostCondition,
  type MatchOptions,
  newKeyValueEntry,
  storedDocument,
} from '@storage/domain';
import { type KeyValueTexts, keyValueTexts, sqliteDialect } from '@storage/sql';
import type { DomainHost } from './domain-host.ts';
import { removeRow } from './remove-row.ts';

interface EntryRow {
  readonly value: string;
  readonly ttl_ms: number | null;
  readonly created_at: number;
  readonly etag: string;
}

/** How long a read may wait until its time is written down. */
const accessDelayMs = 1000;
/** How many reads may wait for that. */
const maxAccesses = 10_000;
/** How many expired entries one step of a sweep removes. */
const sweepStep = 1000;

const scope = (key: string): string => `kv\0${key}`;

/** Key-values in SQLite. */
export class SqliteKeyValues implements KeyValueStore {
  readonly #host: DomainHost;
  readonly #texts: KeyValueTexts = keyValueTexts(sqliteDialect);
  /** When entries were last read, until that is written. */
  #accesses = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: DomainHost) {
    this.#host = host;
  }

  entry(key: string, options?: CallOptions): Promise<KeyValueEntry | undefined> {
    const { guard, writes } = this.#host;
    return guard.run('kv.entry', key, false, options, () => {
      checkName(key, 'key');
      return (call) => writes.read(scope(key), () => this.#access(key), call);
    });
  }

  set(key: string, value: Storable, options?: KeyValueOptions): Promise<KeyValueEntry> {
    const { guard, writes, context } = this.#host;
    return guard.run('kv.set', key, true, options, () => {
      checkConditions(options);
      const entry = newKeyValueEntry(key, value, options?.ttlMs, context);
      return (call) => writes.write(scope(key), () => this.#set(entry, options), call);
    });
  }

  delete(key: string, options?: MatchOptions): Promise<boolean> {
    const { guard, connection, writes, context, tenantId } = this.#host;
    return guard.run('kv.delete', key, true, options, () => {
      checkName(key, 'key');
      const match = options?.ifMatch;
      const work = (): boolean => {
        const there = removeRow(connection, this.#texts, {
          key,
          params: [tenantId, key, context.now()],
          match,
          exists: () => this.#read(key) !== undefined,
        });
        this.#accesses.delete(key);
        return there;
      };
      return (call) => writes.write(scope(key), work, call);
    });
  }

  sweep(options?: CallOptions): Promise<number> {
    const { guard, connection, writes, context } = this.#host;
    return guard.run('kv.sweep', undefined, true, options, () => {
      const now = context.now();
      const step = (): number => connection.prepare(this.#texts.sweep).run(now, sweepStep).changes;
      return async (call) => {
        let total = 0;
        let removed: number;
        do {
          call.check();
          removed = await writes.write('kv', step, call);
          total += removed;
        } while (removed === sweepStep);
        return total;
      };
    });
  }

  /** Writes down when entries were read. Called before the connection closes. */
  flushAccesses(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#accesses.size === 0) return;
    const { guard, writes } = this.#host;
    const accesses = this.#accesses;
    this.#accesses = new Map();
    const work = (): void => this.#writeAccesses(accesses);
    const written = guard.run('kv.access', undefined, true, undefined, () => (call) => writes.write('kv', work, call));
    // What could not be written is tried again with the next ones; nobody waits for it.
    written.catch(() => this.#keep(accesses));
  }

  #writeAccesses(accesses: ReadonlyMap<string, number>): void {
    const { connection, tenantId } = this.#host;
    const touch = connection.prepare(this.#texts.touch);
    for (const [key, time] of accesses) touch.run(time, tenantId, key, time);
  }

  #keep(accesses: ReadonlyMap<string, number>): void {
    for (const [key, time] of accesses) {
      if (this.#accesses.size >= maxAccesses) return;
      if (!this.#accesses.has(key)) this.#accesses.set(key, time);
    }
  }

  #access(key: string): KeyValueEntry | undefined {
    const entry = this.#read(key);
    if (entry === undefined) return undefined;
    this.#accesses.set(key, entry.accessedAt.getTime());
    if (this.#accesses.size >= maxAccesses) this.flushAccesses();
    else this.#timer ??= setTimeout(() => this.flushAccesses(), accessDelayMs).unref();
    return entry;
  }

  #read(key: string): KeyValueEntry | undefined {
    const { connection, context, tenantId } = this.#host;
    const now = context.now();
    const row = connection.prepare(this.#texts.read).get(tenantId, key, now) as EntryRow | undefined;
    return (
      row && {
        key,
        value: storedDocument(row.value),
        ttlMs: row.ttl_ms ?? undefined,
        createdAt: new Date(row.created_at),
        accessedAt: new Date(now),
        etag: row.etag,
      }
    );
  }

  #set(entry: KeyValueEntry, options: KeyValueOptions | undefined): KeyValueEntry {
    const { connection, tenantId } = this.#host;
    const { key, ttlMs } = entry;
    const now = entry.createdAt.getTime();
    const row = [entry.value.text, ttlMs ?? null, now, now, ttlMs === undefined ? null : now + ttlMs, entry.etag];
    if (options?.ifMatch !== undefined) {
      const { changes } = connection.prepare(this.#texts.setMatching).run(...row, tenantId, key, now, options.ifMatch);
      if (changes === 0) throw lostCondition(key);
    } else if (options?.ifAbsent === true) {
      const { changes } = connection.prepare(this.#texts.setAbsent).run(tenantId, key, ...row, now);
      if (changes === 0) throw alreadyThere('entry', key);
    } else connection.prepare(this.#texts.set).run(tenantId, key, ...row);
    this.#accesses.delete(key);
    return entry;
  }
}
