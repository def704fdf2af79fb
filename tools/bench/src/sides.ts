// How operations are put to a side: one after the other, or many callers at once.
import type { Side } from './measure.ts';

/** Calls that answer at once, one after the other: how raw synchronous drivers are used. */
export function inTurn(operation: (index: number) => unknown): Side {
  return {
    run(from, count) {
      for (let index = from; index < from + count; index++) operation(index);
    },
  };
}

/** Callers of an asynchronous operation, each making its next call when the last one was answered. */
export function byCallers(callers: number, operation: (index: number) => Promise<unknown>): Side {
  return {
    async run(from, count) {
      const end = from + count;
      let next = from;
      const caller = async (): Promise<void> => {
        while (next < end) await operation(next++);
      };
      await Promise.all(Array.from({ length: callers }, caller));
    },
  };
}
