/** A slot of a table and its score. */
export interface Scored {
  readonly slot: number;
  readonly score: number;
}

/**
 * The best `limit` of what it is shown, kept in a heap whose root is the worst of them. Slots are shown in rising
 * order; of equal scores the lower slot is kept.
 */
export class TopK {
  readonly #limit: number;
  readonly #better: (left: number, right: number) => boolean;
  readonly #heap: Scored[] = [];

  constructor(limit: number, lowerIsBetter: boolean) {
    this.#limit = limit;
    this.#better = lowerIsBetter ? (left, right) => left < right : (left, right) => left > right;
  }

  offer(slot: number, score: number): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push({ slot, score });
      this.#up(heap.length - 1);
      return;
    }
    // Slots come in rising order: of equal scores the one that is kept stays.
    const worst = heap[0];
    if (worst !== undefined && this.#better(score, worst.score)) {
      heap[0] = { slot, score };
      this.#down();
    }
  }

  /** What was kept, best first. */
  sorted(): readonly Scored[] {
    return [...this.#heap].sort((left, right) => (this.#before(left, right) ? -1 : 1));
  }

  #before(left: Scored, right: Scored): boolean {
    return left.score === right.score ? left.slot < right.slot : this.#better(left.score, right.score);
  }

  #up(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const child = heap[at];
      const parent = heap[above];
      if (child === undefined || parent === undefined || this.#before(child, parent)) return;
      heap[at] = parent;
      heap[above] = child;
      at = above;
    }
  }

  #down(): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let worst = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        const child = heap[below];
        const current = heap[worst];
        if (child !== undefined && current !== undefined && this.#before(current, child)) worst = below;
      }
      if (worst === at) return;
      const moved = heap[at];
      const child = heap[worst];
      if (moved === undefined || child === undefined) return;
      heap[at] = child;
      heap[worst] = moved;
      at = worst;
    }
  }
}
