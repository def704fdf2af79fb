import { type Identity, sameFile } from './filesystem-files.ts';

/** Files larger than this are read anew each time. */
const largest = 64 * 1024;
/** A file that changed less long ago than this may change again without a trace: the system's stamps are some milliseconds wide. */
const settledMs = 100;

interface Kept {
  readonly identity: Identity;
  readonly text: string;
}

/** Texts of files that were read lately, each good for as long as its file is the same. */
export class ContentCache {
  readonly #max: number;
  /** The longest unused first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  /** Whether there is a text to ask for, good or not. */
  has(id: string): boolean {
    return this.#kept.has(id);
  }

  /** The text of a file that is as it was when it was read. */
  get(id: string, identity: Identity): string | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    this.#kept.delete(id);
    if (!sameFile(kept.identity, identity) || kept.identity.changed !== identity.changed) {
      this.#bytes -= kept.identity.size;
      return undefined;
    }
    this.#kept.set(id, kept);
    return kept.text;
  }

  /** Keeps the text of a file that was read just now. */
  put(id: string, identity: Identity, text: string): void {
    if (identity.size > Math.min(largest, this.#max) || this.#kept.has(id)) return;
    // By the system's own clock, which is what stamped the change.
    if (Date.now() - Number(identity.changed / 1_000_000n) < settledMs) return;
    this.#kept.set(id, { identity, text });
    this.#bytes += identity.size;
    for (const [old, kept] of this.#kept) {
      if (this.#bytes <= this.#max) return;
      this.#kept.delete(old);
      this.#bytes -= kept.identity.size;
    }
  }
}
