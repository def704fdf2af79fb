import type { CallOptions } from './call.ts';
import type { Storable } from './json.ts';
import type { DeleteOptions, RecordInfo, RecordStore, StoreOptions } from './records.ts';

/** One step of a transaction that is sent as a whole. `namespace`: the names from the root down; missing: the root. */
export type TransactionOperation =
  | {
      readonly type: 'store';
      readonly key: string;
      readonly data: Storable;
      readonly options?: Omit<StoreOptions, keyof CallOptions> | undefined;
      readonly namespace?: readonly string[] | undefined;
    }
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly options?: Omit<DeleteOptions, keyof CallOptions> | undefined;
      readonly namespace?: readonly string[] | undefined;
    };

/** What a step answered: a store its record, a delete whether it was there. */
export type TransactionResult = RecordInfo | boolean;

/** What the body of `with` works on. Usable until the body settles; afterwards every call is `invalid_state`. */
export interface TransactionScope {
  /** The root of the records, inside the transaction: it sees its own writes, nobody else does before the commit. */
  readonly records: RecordStore;
}

/** Several writes as one: all or nothing. */
export interface Transactions {
  /**
   * Runs the steps in order in one transaction. Answers in the order of the steps. A step that fails, a lost condition among
   * them, undoes all; the error's `details.index` says which.
   */
  run(operations: Iterable<TransactionOperation>, options?: CallOptions): Promise<readonly TransactionResult[]>;
  /**
   * Runs `body` in one transaction: commits when it resolves, rolls back when it rejects, and rejects with its reason. The body
   * may be run once only. `unsupported` where `capabilities.transactions.interactive` is false.
   */
  with<T>(body: (transaction: TransactionScope) => Promise<T>, options?: CallOptions): Promise<T>;
}
