/** Keeps the order of calls on a key within this process: a write waits for the write before it, a read for the writes before it. */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs a write behind those before it. */
  write<T>(id: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(id);
    const work = before === undefined ? task() : before.then(task);
    const tail: Promise<void> = work.then(
      () => this.#end(id, tail),
      () => this.#end(id, tail),
    );
    this.#tails.set(id, tail);
    return work;
  }

  #end(id: string, tail: Promise<void>): void {
    if (this.#tails.get(id) === tail) this.#tails.delete(id);
  }

  /** Resolves when the writes of a key that were called so far have ended. `undefined`: there are none. */
  behind(id: string): Promise<void> | undefined {
    return this.#tails.get(id);
  }

  /** Resolves when all writes that were called so far have ended. */
  async settle(): Promise<void> {
    if (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}
