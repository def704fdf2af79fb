import { streamGraceMs } from '@storage/sql';
import type { SqliteRecordRows } from './sqlite-record-rows.ts';
import { removeStream } from './sqlite-streams.ts';

const intervalMs = 10_000;
/** How much one sweep removes: it stands in the way of other work. */
const rowsAtOnce = 500;
const streamsAtOnce = 4;

/** Removes expired records and abandoned chunks behind writes: never by a timer, and never in a caller's way. */
export class SqliteSweep {
  readonly #rows: SqliteRecordRows;
  readonly #run: (task: () => void) => void;
  #next = 0;
  #pending: NodeJS.Immediate | undefined;

  /** `run` carries the task out when the connection may be written, or drops it. */
  constructor(rows: SqliteRecordRows, run: (task: () => void) => void) {
    this.#rows = rows;
    this.#run = run;
  }

  /** Told of every write; sweeps now and then, in the next turn of the event loop. */
  afterWrite(now: number): void {
    if (now < this.#next || this.#pending !== undefined) return;
    this.#next = now + intervalMs;
    this.#pending = setImmediate(() => {
      this.#pending = undefined;
      this.#run(() => {
        // A full round leaves more for the next write to sweep.
        if (this.sweep()) this.#next = 0;
      });
    }).unref();
  }

  /** Removes what may go; answers whether there is more. */
  sweep(): boolean {
    const rows = this.#rows;
    const now = rows.clock();
    return rows.connection.transaction(() => {
      const expired = rows.statements.expired.all(now, rowsAtOnce);
      for (const [ns, key] of expired) rows.statements.removeExpired.run(ns as string, key as string, now);
      const retired = rows.streams.retired.all(now - streamGraceMs, streamsAtOnce);
      for (const [stream] of retired) removeStream(rows, stream as string);
      return expired.length === rowsAtOnce || retired.length === streamsAtOnce;
    });
  }

  stop(): void {
    clearImmediate(this.#pending);
    this.#pending = undefined;
  }
}
