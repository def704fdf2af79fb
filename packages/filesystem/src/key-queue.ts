/** What is under way on a key. */
interface Use {
  /** The end of the last write; `undefined`: no write is under way. */
  write: Promise<unknown> | undefined;
  /** The ends of the reads behind it. */
  reads: Promise<unknown>[];
  calls: number;
}

/** Keeps the order of calls on a key within this process: a write waits for every call before it, a read for the writes before it. */
export class KeyQueue {
  readonly #uses = new Map<string, Use>();

  /** Runs a write behind all calls on the key so far. */
  write<T>(id: string, task: () => Promise<T>): Promise<T> {
    const use = this.#use(id);
    const before = use.write === undefined ? use.reads : [use.write, ...use.reads];
    const work = before.length === 0 ? task() : Promise.all(before).then(task);
    use.reads = [];
    use.write = this.#ended(id, use, work);
    return work;
  }

  /** Runs a read behind the writes on the key so far. */
  read<T>(id: string, task: () => Promise<T>): Promise<T> {
    const use = this.#use(id);
    const work = use.write === undefined ? task() : use.write.then(task);
    use.reads.push(this.#ended(id, use, work));
    return work;
  }

  /** Resolves when all writes that were called so far have ended. */
  async settle(): Promise<void> {
    const writes = [...this.#uses.values()].flatMap(({ write }) => (write === undefined ? [] : [write]));
    if (writes.length > 0) await Promise.all(writes);
  }

  #use(id: string): Use {
    let use = this.#uses.get(id);
    if (use === undefined) {
      use = { write: undefined, reads: [], calls: 0 };
      this.#uses.set(id, use);
    }
    use.calls++;
    return use;
  }

  /** Resolves when `work` has ended, however it did. */
  #ended(id: string, use: Use, work: Promise<unknown>): Promise<void> {
    const end = (): void => {
      if (--use.calls === 0) this.#uses.delete(id);
    };
    return work.then(end, end);
  }
}
