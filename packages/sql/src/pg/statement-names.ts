import { createHash } from 'node:crypto';
import type { Statement } from './pool.ts';

/** How often a text has to come before it is prepared, and how many are: each costs the server memory on every connection. */
const seenOften = 10;
const mostNames = 200;
/** How many texts are counted. */
const mostCounted = 1000;

/** Names for statements of shapes that vary: those that come again and again are prepared. */
export class StatementNames {
  readonly #names = new Map<string, string>();
  readonly #seen = new Map<string, number>();

  statement(text: string, values: readonly unknown[]): Statement {
    const name = this.#names.get(text) ?? this.#count(text);
    return { name, text, values };
  }

  #count(text: string): string | undefined {
    if (this.#names.size >= mostNames) return undefined;
    const count = (this.#seen.get(text) ?? 0) + 1;
    this.#seen.delete(text);
    if (count < seenOften) {
      if (this.#seen.size >= mostCounted) {
        const [oldest] = this.#seen.keys();
        if (oldest !== undefined) this.#seen.delete(oldest);
      }
      this.#seen.set(text, count);
      return undefined;
    }
    const name = `storage_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
    this.#names.set(text, name);
    return name;
  }
}
