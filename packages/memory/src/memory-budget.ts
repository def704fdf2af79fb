import { StorageError } from '@storage/core';
import type { MemoryLimits } from './memory-options.ts';

/** Counts entries and bytes against their limits. */
export class MemoryBudget {
  readonly #limits: MemoryLimits;
  /** Removes what is expired; asked before a write is refused. */
  readonly #sweep: () => void;
  entries = 0;
  bytes = 0;

  constructor(limits: MemoryLimits, sweep: () => void) {
    this.#limits = limits;
    this.#sweep = sweep;
  }

  /** Refuses a change that would go over a limit; counts nothing yet. */
  require(entries: number, bytes: number): void {
    if (this.#fits(entries, bytes)) return;
    this.#sweep();
    if (this.#fits(entries, bytes)) return;
    const { maxEntries, maxBytes } = this.#limits;
    throw new StorageError({
      code: 'quota_exceeded',
      message: `the memory backend holds ${this.entries} entries and ${this.bytes} bytes; this write would go over maxEntries ${maxEntries} or maxBytes ${maxBytes}. Delete something or raise the limit.`,
      applied: 'no',
      details: { maxEntries, maxBytes, entries: this.entries, bytes: this.bytes },
    });
  }

  add(entries: number, bytes: number): void {
    this.entries += entries;
    this.bytes += bytes;
  }

  #fits(entries: number, bytes: number): boolean {
    return (
      (entries <= 0 || this.entries + entries <= this.#limits.maxEntries) &&
      (bytes <= 0 || this.bytes + bytes <= this.#limits.maxBytes)
    );
  }
}
