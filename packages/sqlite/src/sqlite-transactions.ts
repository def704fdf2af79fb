import type { Call, InfoRow, MaybePromise, TransactionDriver, TransactionStep } from '@storage/backend-kit';
import type { RecordFilterSql } from '@storage/sql';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteEngine } from './sqlite-engine.ts';
import { SqliteRecordRows } from './sqlite-record-rows.ts';
import { SqliteRecords, type SqliteRecordsOptions, withinTransaction } from './sqlite-records.ts';

/** Transactions: of given steps among other writes, interactive ones on a connection of their own where there can be one. */
export class SqliteTransactions implements TransactionDriver<RecordFilterSql> {
  readonly #records: SqliteRecords;
  readonly #options: Pick<SqliteRecordsOptions, 'translate' | 'isIndexed'>;
  readonly #clock: () => number;
  #engine!: SqliteEngine;
  #inside: { readonly connection: SqliteConnection; readonly records: SqliteRecords } | undefined;

  constructor(
    records: SqliteRecords,
    options: Pick<SqliteRecordsOptions, 'translate' | 'isIndexed'>,
    clock: () => number,
  ) {
    this.#records = records;
    this.#options = options;
    this.#clock = clock;
  }

  /** Gives it connections to work on: no call comes before. */
  attach(engine: SqliteEngine): void {
    this.#engine = engine;
    this.#inside = undefined;
  }

  run(steps: readonly TransactionStep[], call: Call): MaybePromise<readonly (InfoRow | boolean)[]> {
    return this.#records.runSteps(steps, call);
  }

  async with<T>(body: (records: SqliteRecords) => Promise<T>, call: Call): Promise<T> {
    // What was written before is there when the transaction begins.
    return this.#records.behindAll(call, () =>
      this.#engine.interactive(call, (connection) => body(this.#recordsOn(connection))),
    );
  }

  /** Records on the transaction's connection, whose statements are prepared once: transactions follow one another. */
  #recordsOn(connection: SqliteConnection): SqliteRecords {
    if (this.#inside?.connection !== connection) {
      const records = new SqliteRecords({ ...this.#options, grouped: false, afterWrite: () => undefined });
      records.attach(new SqliteRecordRows(connection, this.#clock), withinTransaction(connection));
      this.#inside = { connection, records };
    }
    return this.#inside.records;
  }
}
