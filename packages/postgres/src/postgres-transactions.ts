import type { Call, InfoRow, TransactionDriver, TransactionStep } from '@storage/backend-kit';
import type { RecordFilterSql } from '@storage/sql';
import type { PostgresPoolSession } from '@storage/sql/pg';
import type { PostgresRecordRows } from './postgres-record-rows.ts';
import { PostgresRecords, type PostgresRecordsOptions } from './postgres-records.ts';

/** Transactions: of given steps, and interactive ones on a connection of their own. */
export class PostgresTransactions implements TransactionDriver<RecordFilterSql> {
  readonly #records: PostgresRecords;
  readonly #rows: PostgresRecordRows;
  readonly #session: PostgresPoolSession;
  readonly #options: PostgresRecordsOptions;

  constructor(
    records: PostgresRecords,
    rows: PostgresRecordRows,
    session: PostgresPoolSession,
    options: PostgresRecordsOptions,
  ) {
    this.#records = records;
    this.#rows = rows;
    this.#session = session;
    this.#options = options;
  }

  run(steps: readonly TransactionStep[], call: Call): Promise<readonly (InfoRow | boolean)[]> {
    return this.#records.runSteps(steps, call);
  }

  with<T>(body: (records: PostgresRecords) => Promise<T>, call: Call): Promise<T> {
    // What was written before is there when the transaction begins.
    return this.#records.behindAll(call, () =>
      this.#session.interactive(call, (session) => body(new PostgresRecords(this.#rows.on(session), this.#options))),
    );
  }
}
