import type { Call } from '@storage/backend-kit';
import type { PostgresRecordRows } from './postgres-record-rows.ts';

const intervalMs = 10_000;
/** How much one sweep removes. */
const rowsAtOnce = 500;
const streamsAtOnce = 4;

/** Removes expired records and abandoned chunks behind writes, never by a timer. Rows that somebody works on are left for the next time, so that sweeps may meet. */
export class PostgresSweep {
  readonly #rows: PostgresRecordRows;
  readonly #run: (task: (call: Call) => Promise<void>) => Promise<void>;
  #next = 0;
  #running = false;

  /** `run` carries the task out, and tells of what goes wrong. */
  constructor(rows: PostgresRecordRows, run: (task: (call: Call) => Promise<void>) => Promise<void>) {
    this.#rows = rows;
    this.#run = run;
  }

  /** Told of every write; sweeps now and then. */
  afterWrite(): void {
    if (this.#running || performance.now() < this.#next) return;
    this.#running = true;
    this.#next = performance.now() + intervalMs;
    void this.#run(async (call) => {
      // A full round leaves more for the next write to sweep.
      if (await this.sweep(call)) this.#next = 0;
    }).finally(() => {
      this.#running = false;
    });
  }

  /** Removes what may go; answers whether there is more. */
  async sweep(call: Call): Promise<boolean> {
    const { texts } = this.#rows;
    const now = this.#rows.now();
    const records = await this.#rows.change(texts.sweepRecords, [now, rowsAtOnce], call);
    const streams = await this.#rows.change(texts.sweepStreams, [now, streamsAtOnce], call);
    return records.count === rowsAtOnce || streams.count === streamsAtOnce;
  }
}
