import { type RowOutcome, stepFailed, type Translate } from '@storage/backend-kit';
import { isStorageError, type StorageError } from '@storage/core';
import { keyOf, type WriteOp, type WriteResult } from '@storage/sql';
import { isBusy, isFull } from './sqlite-errors.ts';
import type { SqliteRecordRows } from './sqlite-record-rows.ts';

/** Several writes in one transaction. */
export class SqliteWrites {
  readonly #rows: SqliteRecordRows;
  readonly #translate: Translate;

  constructor(rows: SqliteRecordRows, translate: Translate) {
    this.#rows = rows;
    this.#translate = translate;
  }

  apply(op: WriteOp): WriteResult {
    if (op.type === 'write') return this.#rows.write(op.ns, op.row);
    return this.#rows.remove(op.ns, op.key, op.etag) || !op.report;
  }

  /** All or none, in order; the first failure says which it was. */
  allOrNone(ops: readonly WriteOp[]): readonly WriteResult[] {
    return this.#rows.connection.transaction(() =>
      ops.map((op, index) => {
        try {
          return this.apply(op);
        } catch (error) {
          if (isBusy(error)) throw error;
          throw stepFailed(this.#error(error, op), index);
        }
      }),
    );
  }

  /**
   * Each with its own outcome, in order. A statement that fails has undone itself and nothing else, so no savepoint stands
   * around each. Where the engine gave the whole transaction up for want of room, they are repeated alone.
   */
  eachForItself(ops: readonly WriteOp[]): readonly RowOutcome<WriteResult>[] {
    const { database } = this.#rows.connection;
    const [first] = ops;
    // One alone needs no transaction around it.
    if (first !== undefined && ops.length === 1) return [this.#outcome(first, isBusy)];
    const nested = database.inTransaction;
    try {
      return this.#rows.connection.transaction(() => ops.map((op) => this.#outcome(op, () => !database.inTransaction)));
    } catch (error) {
      if (nested || !isFull(error) || database.inTransaction) throw error;
      return ops.map((op) => this.#outcome(op, () => false));
    }
  }

  /** `fatal` tells the errors that are not this write's own: its transaction is gone, or could not begin. */
  #outcome(op: WriteOp, fatal: (error: unknown) => boolean): RowOutcome<WriteResult> {
    try {
      return { ok: true, value: this.apply(op) };
    } catch (error) {
      if (!isStorageError(error) && fatal(error)) throw error;
      return { ok: false, error: this.#error(error, op) };
    }
  }

  #error(error: unknown, op: WriteOp): StorageError {
    return this.#translate(error, { operation: 'records.write', key: keyOf(op), write: true });
  }
}
