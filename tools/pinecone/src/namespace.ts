import { type Metric, RecordTable } from './record-table.ts';

/** A metadata schema: only the fields it names are indexed. */
export interface MetadataSchema {
  readonly fields: Readonly<Record<string, { readonly filterable?: boolean }>>;
}

interface PendingWrite {
  readonly lsn: number;
  readonly visibleAt: number;
  readonly apply: (table: RecordTable) => void;
  readonly existsAfter: boolean;
}

/**
 * One namespace: what reads see, and the writes that were acknowledged and aren't seen yet. Writes become visible in
 * the order of their log sequence numbers, a while after they were acknowledged, and never before those of lower numbers.
 * The number never goes back, even when the namespace is deleted and made anew.
 */
export class Namespace {
  readonly name: string;
  readonly #delayMs: () => number;
  readonly #table: RecordTable;
  #schema: MetadataSchema | undefined;
  #pending: PendingWrite[] = [];
  #lsn = 0;
  #indexedLsn = 0;
  #visible = false;
  #accepted = false;

  constructor(name: string, dimension: number, metric: Metric, delayMs: () => number) {
    this.name = name;
    this.#delayMs = delayMs;
    this.#table = new RecordTable(dimension, metric);
  }

  /** Whether the namespace was made, seen by reads or not yet. */
  get accepted(): boolean {
    return this.#accepted;
  }

  get schema(): MetadataSchema | undefined {
    return this.#schema;
  }

  /** What reads see now: missing when to them there is no such namespace. */
  read(): { readonly table: RecordTable; readonly indexedLsn: number } | undefined {
    this.#settle();
    return this.#visible ? { table: this.#table, indexedLsn: this.#indexedLsn } : undefined;
  }

  /** Makes the namespace without records. */
  create(schema: MetadataSchema | undefined): number {
    this.#schema = schema;
    return this.#append(() => undefined, true);
  }

  /** Acknowledges a write and answers its log sequence number. */
  write(apply: (table: RecordTable) => void): number {
    return this.#append(apply, true);
  }

  /** Deletes the namespace and all records. */
  drop(): number {
    this.#schema = undefined;
    return this.#append((table) => table.clear(), false);
  }

  #append(apply: (table: RecordTable) => void, existsAfter: boolean): number {
    this.#lsn += 1;
    this.#accepted = existsAfter;
    this.#pending.push({ lsn: this.#lsn, visibleAt: performance.now() + this.#delayMs(), apply, existsAfter });
    this.#settle();
    return this.#lsn;
  }

  #settle(): void {
    const now = performance.now();
    let done = 0;
    for (const write of this.#pending) {
      if (write.visibleAt > now) break;
      write.apply(this.#table);
      this.#indexedLsn = write.lsn;
      this.#visible = write.existsAfter;
      done += 1;
    }
    if (done > 0) this.#pending = this.#pending.slice(done);
  }
}
