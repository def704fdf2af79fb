import { compareCodePoints } from '@storage/core/filter';

/** Keys in code point order: sorted when first read, kept so by later changes. */
export class SortedKeys {
  #keys: string[] = [];
  #sorted = true;

  add(key: string): void {
    if (!this.#sorted || this.#keys.length === 0) {
      this.#keys.push(key);
      return;
    }
    const last = this.#keys[this.#keys.length - 1];
    if (last !== undefined && compareCodePoints(last, key) < 0) this.#keys.push(key);
    else if (this.#keys.length > 1000) {
      // Many unordered inserts in a row are sorted once, when somebody reads.
      this.#keys.push(key);
      this.#sorted = false;
    } else this.#keys.splice(this.from(key), 0, key);
  }

  delete(key: string): void {
    const index = this.from(key);
    if (this.#keys[index] === key) this.#keys.splice(index, 1);
  }

  /** The index of the first key that is `key` or behind it. */
  from(key: string): number {
    const keys = this.all();
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareCodePoints(keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  all(): readonly string[] {
    if (!this.#sorted) {
      this.#keys.sort(compareCodePoints);
      this.#sorted = true;
    }
    return this.#keys;
  }
}
